//! What a person types at the shell: it is kept in the history, and no secret is.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::mpsc,
};

use firth_testkit::servers;

use crate::{
    canary::{Written, canary},
    place::{PATIENCE, Place},
};

/// The shell in a terminal of `script`, driven step by step: what to wait for, then what to type.
/// Answers all that stood on the screen; `None`, with a line that says so, where there is no `script`.
fn typed(place: &Place, test: &str, steps: &[(&str, String)]) -> Option<String> {
    let firth = insta_cmd::get_cargo_bin("firth");
    let run = format!("'{}' --home '{}'", firth.display(), place.path().join("home").display());
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &run, "/dev/null"]).env("TERM", "xterm").env("NO_COLOR", "1");
    script.env_remove("FIRTH_PASSPHRASE").stdin(Stdio::piped()).stdout(Stdio::piped());
    let started = if cfg!(target_os = "linux") { script.spawn().ok() } else { None };
    let mut child = servers::require("the program `script` of util-linux", test, started)?;
    let mut keys = child.stdin.take().expect("piped");
    let mut terminal = child.stdout.take().expect("piped");
    let (sender, pieces) = mpsc::channel();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length) = terminal.read(&mut piece) {
            if length == 0 || sender.send(piece[..length].to_vec()).is_err() {
                break;
            }
        }
    });

    let (mut screen, mut seen, mut asked) = (String::new(), 0, 0);
    let mut steps = steps.iter().peekable();
    loop {
        let piece = match pieces.recv_timeout(PATIENCE) {
            Ok(piece) => piece,
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("still waiting for {:?} after\n{screen}", steps.peek());
            }
        };
        screen.push_str(&String::from_utf8_lossy(&piece));
        // The line editor asks the terminal where the cursor is.
        while asked < screen.matches("\x1b[6n").count() {
            asked += 1;
            let _ = keys.write_all(b"\x1b[1;1R");
        }
        while let Some((awaited, text)) = steps.peek() {
            let Some(at) = screen[seen..].find(awaited) else { break };
            seen += at + awaited.len();
            let _ = keys.write_all(text.as_bytes());
            steps.next();
        }
    }
    assert!(child.wait().expect("ended").success(), "{screen}");
    assert_eq!(steps.peek(), None, "{screen}");
    Some(screen)
}

#[test]
fn no_secret_that_is_typed_is_kept() {
    let place = Place::new();
    let (literal, prompted, broken) = (canary("literal"), canary("prompted"), canary("broken"));
    let create = |name: &str, password: &str| {
        format!(
            "CREATE CONNECTION {name} OPTIONS (connection_type = 'POSTGRES', host = 'h', database = 'd', \
             user = 'u', password = {password}, validate = FALSE);\r"
        )
    };
    let steps = [
        ("> ", create("one", &format!("'{literal}'"))),
        ("OK (", create("two", "PROMPT()")),
        ("password:", format!("{prompted}\r")),
        ("OK (", create("three", &format!("'x' '{broken}'"))),
        ("error[syntax]", "SELECT 41 + 1 AS answer;\r".to_owned()),
        ("1 row (", "\\q\r".to_owned()),
    ];
    let Some(screen) = typed(&place, "no_secret_that_is_typed_is_kept", &steps) else { return };
    assert!(!screen.contains(&prompted), "a prompted secret is not echoed");
    let history = fs::read_to_string(place.path().join("home/history")).expect("there is a history");
    assert!(history.contains("SELECT 41 + 1 AS answer;"), "{history}");
    assert!(history.contains("password = '***'"), "{history}");
    let connections = place.run("SHOW CONNECTIONS");
    assert!(connections.contains("one,") && connections.contains("two,"), "{connections}");
    let mut written = Written::default();
    written.home(&place);
    written.assert_without(&[literal, prompted, broken]);
}
