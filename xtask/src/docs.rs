//! `cargo xtask docs`: writes the pages under `docs/reference/` anew, or checks them.
//!
//! A test of `firth-shell` knows how to render them; it is run here.

use crate::arguments::Arguments;
use crate::command::run as run_command;
use crate::error::Result;
use crate::workspace;

/// Runs the subcommand.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let check = arguments.take_flag("--check");
    arguments.finish()?;
    let mut test = workspace::cargo();
    test.args(["test", "--quiet", "--package", "firth-shell", "--test", "it"]);
    match check {
        // The links between all pages, too.
        true => test.arg("docs::").env_remove("FIRTH_UPDATE_DOCS"),
        false => test.arg("docs::reference_pages").env("FIRTH_UPDATE_DOCS", "1"),
    };
    run_command(&mut test)
}
