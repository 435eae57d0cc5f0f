//! The words after the subcommand.

use crate::error::Result;

/// What is left of the command line. Each `take_…` removes what it finds; `finish` refuses the rest.
#[derive(Debug)]
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn new(words: Vec<String>) -> Self {
        Arguments(words)
    }

    /// Whether `--name` was given.
    pub(crate) fn take_flag(&mut self, name: &str) -> bool {
        let found = self.0.iter().position(|word| word == name);
        found.map(|at| self.0.remove(at)).is_some()
    }

    /// The value of `--name VALUE` or `--name=VALUE`.
    pub(crate) fn take_value(&mut self, name: &str) -> Result<Option<String>> {
        let prefix = format!("{name}=");
        if let Some(at) = self.0.iter().position(|word| word.starts_with(&prefix)) {
            return Ok(Some(self.0.remove(at)[prefix.len()..].to_string()));
        }
        let Some(at) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 == self.0.len() {
            return Err(format!("{name} needs a value"));
        }
        self.0.remove(at);
        Ok(Some(self.0.remove(at)))
    }

    /// Whether the first word is this one.
    pub(crate) fn take_first(&mut self, word: &str) -> bool {
        let found = self.0.first().is_some_and(|first| first == word);
        if found {
            self.0.remove(0);
        }
        found
    }

    /// The words that are not options.
    pub(crate) fn take_names(&mut self) -> Vec<String> {
        let (options, names) = self.0.drain(..).partition(|word| word.starts_with('-'));
        self.0 = options;
        names
    }

    /// Refuses whatever nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            Some(word) => Err(format!("unknown argument {word:?}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Arguments {
        Arguments::new(text.split_whitespace().map(str::to_string).collect())
    }

    #[test]
    fn a_value_is_taken_in_both_spellings() {
        assert_eq!(arguments("up --state a s3").take_value("--state"), Ok(Some("a".to_string())));
        assert_eq!(arguments("up --state=a s3").take_value("--state"), Ok(Some("a".to_string())));
        assert_eq!(arguments("up s3").take_value("--state"), Ok(None));
        assert_eq!(arguments("--state").take_value("--state"), Err("--state needs a value".to_string()));
    }

    #[test]
    fn only_the_first_word_is_a_mode() {
        assert!(arguments("micro --out a").take_first("micro"));
        assert!(!arguments("--out micro").take_first("micro"));
        assert!(!arguments("").take_first("micro"));
    }

    #[test]
    fn what_nobody_took_is_refused() {
        let mut rest = arguments("up --what s3");
        assert_eq!(rest.take_names(), ["up", "s3"]);
        assert_eq!(rest.finish(), Err("unknown argument \"--what\"".to_string()));
    }
}
