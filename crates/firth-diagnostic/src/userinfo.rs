//! Users and passwords in urls, as people paste them: `https://me:secret@host/path`.

use std::{borrow::Cow, ops::Range};

/// What stands between an url's scheme and its host.
const HIDDEN: &str = "***";

/// Where in a text the users and passwords of urls stand. A user by itself is none.
pub fn userinfo_in(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + "://".len();
        let ends_word =
            |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | '<' | '>');
        let word = text[start..].split(ends_word).next().unwrap_or_default();
        let authority = word.split(['/', '?', '#']).next().unwrap_or_default();
        // A password may hold what else ends the host: where there is no port, there is one.
        let is_host = match authority.split_once(':') {
            Some((_, port)) => port.chars().all(|digit| digit.is_ascii_digit()),
            None => true,
        };
        let userinfo = if is_host { authority } else { word }.rsplit_once('@').map(|(userinfo, _)| userinfo);
        if let Some(userinfo) = userinfo.filter(|userinfo| userinfo.contains(':')) {
            found.push(start..start + userinfo.len());
        }
        from = start;
    }
    found
}

/// The text without them.
pub(crate) fn without_userinfo(text: String) -> String {
    let mut shown = Cow::Borrowed(text.as_str());
    for place in userinfo_in(&text).into_iter().rev() {
        shown.to_mut().replace_range(place, HIDDEN);
    }
    shown.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_hidden() {
        let hidden = |text: &str| without_userinfo(text.to_owned());
        assert_eq!(hidden("\"https://me:secret@h/x.csv\" is none"), "\"https://***@h/x.csv\" is none");
        assert_eq!(hidden("postgres://me:se@cret@h:5432/d"), "postgres://***@h:5432/d");
        assert_eq!(hidden("s3://me:se/cr?et#@h and s3://a:b@c"), "s3://***@h and s3://***@c");
        assert_eq!(hidden("https://me:'"), "https://me:'");
        for plain in
            ["s3://lake/a@b:c", "https://h:80/a@b", "sftp://git@h/x", "a:b@c", "file:///a:b@c", "x://"]
        {
            assert_eq!(hidden(plain), plain);
        }
    }
}
