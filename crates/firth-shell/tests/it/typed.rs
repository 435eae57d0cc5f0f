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

/// Whether the shell may use colours.
#[derive(Clone, Copy, PartialEq)]
enum Colors {
    On,
    Off,
}

/// What to wait for, one after the other, and what to type then.
type Step = (Vec<&'static str>, String);

/// Types once `awaited` stands on the screen.
fn when(awaited: &'static str, text: impl Into<String>) -> Step {
    (vec![awaited], text.into())
}

/// Types at the prompt that comes after `awaited`. Before it stands there the terminal is not the line editor's yet: Ctrl-C
/// would be a signal, not a key.
fn at_prompt(awaited: &'static str, text: impl Into<String>) -> Step {
    (vec![awaited, "firth"], text.into())
}

/// The shell in a terminal of `script`, driven step by step. Answers all that stood on the screen; `None`, with a line that says so, where
/// there is no `script`.
fn typed(place: &Place, test: &str, colors: Colors, steps: &[Step]) -> Option<String> {
    typed_after(place, "true", test, colors, steps)
}

/// The same after a command that prepares the terminal.
fn typed_after(place: &Place, prepare: &str, test: &str, colors: Colors, steps: &[Step]) -> Option<String> {
    let firth = insta_cmd::get_cargo_bin("firth");
    let home = place.path().join("home");
    // Firth takes the place of the command shell: one that waits for it may end itself at a Ctrl-C, with a status of its own (dash does,
    // bash does not), and which one runs is up to `SHELL`.
    let run = format!("{prepare}; exec '{}' --home '{}'", firth.display(), home.display());
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &run, "/dev/null"]).env("TERM", "xterm").env("SHELL", "/bin/sh");
    if colors == Colors::Off {
        script.env("NO_COLOR", "1");
    } else {
        script.env_remove("NO_COLOR");
    }
    script
        .current_dir(place.path())
        .env("EDITOR", "sed -i s/40/41/")
        .env_remove("VISUAL")
        .env("PAGER", "sed s/^/paged:/")
        .env_remove("FIRTH_PASSPHRASE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
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
    let steps = steps.iter().flat_map(|(awaited, text)| {
        let last = awaited.len() - 1;
        awaited.iter().enumerate().map(move |(at, awaited)| (awaited, if at == last { text } else { "" }))
    });
    let mut steps = steps.peekable();
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
            let Some(at) = screen[seen..].find(*awaited) else { break };
            seen += at + awaited.len();
            let _ = keys.write_all(text.as_bytes());
            steps.next();
        }
    }
    let ended = child.wait().expect("ended");
    assert!(ended.success(), "{ended}:\n{screen}");
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
        when("> ", create("one", &format!("'{literal}'"))),
        at_prompt("OK (", create("two", "PROMPT()")),
        when("password:", format!("{prompted}\r")),
        at_prompt("OK (", create("three", &format!("'x' '{broken}'"))),
        at_prompt("error[syntax]", "SELECT 41 + 1 AS answer;\r"),
        at_prompt("1 row (", "\\q\r"),
    ];
    let Some(screen) = typed(&place, "no_secret_that_is_typed_is_kept", Colors::Off, &steps) else { return };
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

#[test]
fn a_statement_may_span_lines_and_names_are_completed() {
    let place = Place::new();
    place.run("CREATE SCHEMA harbour; CREATE VIEW harbour.ships AS SELECT 7 AS tons");
    let steps = [
        when("firth> ", "SELECT tons\r"),
        when("-> ", "FROM harbour.shi\t"),
        when("harbour.ships", ";\r"),
        at_prompt("1 row (", ".cache\r"),
        at_prompt("entries", ".quit\r"),
    ];
    let Some(screen) = typed(&place, "a_statement_may_span_lines", Colors::Off, &steps) else { return };
    assert!(screen.contains("tons") && screen.contains('7'), "{screen}");
}

#[test]
fn keywords_and_texts_have_colours_where_the_terminal_does() {
    let place = Place::new();
    let steps = [when("firth", "SELECT 'x' AS a;\r"), at_prompt("1 row (", ".quit\r")];
    let Some(screen) = typed(&place, "keywords_and_texts_have_colours", Colors::On, &steps) else { return };
    assert!(screen.contains("\x1b[1;34mSELECT"), "a keyword is bold and blue: {screen:?}");
    assert!(screen.contains("\x1b[32m'x'"), "a text is green: {screen:?}");
}

#[test]
fn ctrl_c_stops_a_statement_and_two_of_them_leave() {
    let place = Place::new();
    let numbers = "UNNEST(GENERATE_ARRAY(1, 1000))";
    let long = format!(
        "SELECT COUNT(*) AS n FROM {numbers} AS a, {numbers} AS b, {numbers} AS c, {numbers} AS d;\r"
    );
    let steps = [
        when("firth> ", long),
        // Its lines of progress have begun.
        when("Ctrl-C stops", "\x03"),
        at_prompt("error[cancelled]", "SELECT 1 AS still_here;\r"),
        at_prompt("1 row (", "\x03"),
        at_prompt("Ctrl-C again leaves.", "\x03"),
    ];
    let Some(screen) = typed(&place, "ctrl_c_stops_a_statement", Colors::Off, &steps) else { return };
    assert!(screen.contains("still_here"), "{screen}");
}

#[test]
fn the_last_text_is_edited_and_run_and_keys_can_be_those_of_vi() {
    let place = Place::new();
    let steps = [
        when("firth> ", "SELECT 40 + 1 AS answer;\r"),
        at_prompt("1 row (", ".edit\r"),
        at_prompt("1 row (", ".keys vi\r"),
        at_prompt("OK (", "SELECT 5 AS typed_in_vi;\r"),
        at_prompt("1 row (", ".quit\r"),
    ];
    let Some(screen) = typed(&place, "the_last_text_is_edited", Colors::Off, &steps) else { return };
    assert!(screen.contains("42"), "41 + 1: {screen}");
    let left: Vec<_> = fs::read_dir(place.path().join("home"))
        .expect("there")
        .map(|e| e.expect("read").file_name())
        .collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("edit-")), "{left:?}");
}

#[test]
fn what_is_longer_than_the_screen_goes_through_the_pager() {
    let place = Place::new();
    let numbers = |count: u32| format!("SELECT n FROM UNNEST(GENERATE_ARRAY(1, {count})) AS n;\r");
    let steps = [
        when("firth> ", numbers(3)),
        at_prompt("3 rows (", numbers(21)),
        at_prompt("21 rows (", ".pager off\r"),
        at_prompt("No pager", numbers(22)),
        at_prompt("22 rows (", ".pager no-such-pager\r"),
        at_prompt("could not find", ".pager sed s/^/mine:/\r"),
        at_prompt("Long results go to", numbers(23)),
        at_prompt("23 rows (", ".quit\r"),
    ];
    let size = "stty rows 12 cols 100";
    let test = "what_is_longer_than_the_screen";
    let Some(screen) = typed_after(&place, size, test, Colors::Off, &steps) else { return };
    // The command itself stands on the screen, too.
    let shown = |line: &&str, mark: &str| line.contains(mark) && !line.contains("s/^/");
    let lines = |mark: &str| screen.lines().filter(|line| shown(line, mark)).count();
    assert_eq!(lines("paged:"), 21 + 5, "the rows and the frame of the longer one: {screen}");
    assert_eq!(lines("mine:"), 23 + 5, "likewise: {screen}");
}

#[test]
fn columns_are_completed_by_an_alias_of_their_table() {
    let place = Place::new();
    fs::write(place.path().join("ships.csv"), "tonnage,name\n7,Ada\n").expect("written");
    let path = place.path().join("ships.csv");
    place.run(&format!(
        "CREATE SCHEMA harbour; CREATE EXTERNAL TABLE harbour.ships OPTIONS (format = 'CSV', uris = ['file://{}'])",
        path.display()
    ));
    let steps = [
        // Names are looked up in the background: after a statement that asked for the table they are known.
        when("firth> ", "SELECT COUNT(*) AS n FROM harbour.ships;\r"),
        at_prompt("1 row (", "SELECT s.name FROM harbour.ships AS s WHERE s.ton\t"),
        when("s.tonnage", "= 7;\r"),
        at_prompt("1 row (", ".quit\r"),
    ];
    let Some(screen) = typed(&place, "columns_are_completed_by_an_alias", Colors::Off, &steps) else {
        return;
    };
    assert!(screen.contains("Ada"), "{screen}");
}
