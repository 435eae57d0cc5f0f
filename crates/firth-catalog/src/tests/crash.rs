//! The kill -9 drill: a process that changes a catalog is killed, and what it reported is there.
//!
//! The process is this test binary again, told by the environment to run one test, which then is not a
//! test but the victim.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use super::*;
use crate::{DatasetName, DropBehavior};

const HOME: &str = "FIRTH_CATALOG_DRILL_HOME";

/// A victim, and what it says.
struct Victim(Child, BufReader<ChildStdout>);

impl Victim {
    fn start(test: &str, home: &Path) -> Self {
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .args(["--exact", &format!("tests::crash::{test}"), "--nocapture", "--test-threads=1"])
            .env(HOME, home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the victim starts");
        let stdout = child.stdout.take().expect("piped");
        Victim(child, BufReader::new(stdout))
    }

    /// Lets it report `count` operations, works on for `delay`, kills it, and answers all it reported.
    fn killed_after(mut self, count: usize, delay: Duration) -> Vec<String> {
        let mut reports = Vec::new();
        let mut line = String::new();
        while reports.len() < count {
            line.clear();
            assert_ne!(self.1.read_line(&mut line).expect("readable"), 0, "the victim ended: {reports:?}");
            reports.extend(report(&line));
        }
        // Busy, not asleep: the kill lands somewhere in the next operations.
        let since = Instant::now();
        while since.elapsed() < delay {
            std::hint::spin_loop();
        }
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
        // A last line without its end is a report that was not finished.
        let rest = self.1.lines().map_while(Result::ok).filter_map(|line| report(&line));
        reports.extend(rest);
        reports
    }
}

fn report(line: &str) -> Option<String> {
    line.trim_end().strip_prefix("done ")?.strip_suffix(" .").map(str::to_owned)
}

fn say(what: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "\ndone {what} .").and_then(|()| stdout.flush()).expect("the drill reads");
}

/// Creates, alters and drops for ever; says so after each.
#[test]
fn victim_that_changes_connections() {
    let Some(home) = env::var_os(HOME) else { return };
    let catalog = opened(Path::new(&home));
    for number in 0_u64.. {
        let id = format!("c{}", number % 5);
        create(&catalog, &shop(&id, &format!("made {number}")), OnExisting::Replace).expect("made");
        say(&format!("CREATE_CONNECTION us.{id}"));
        alter(&catalog, &read(&catalog, &id), &[("password", text(&format!("altered {number}")))])
            .expect("altered");
        say(&format!("ALTER_CONNECTION us.{id}"));
        if number % 3 == 0 {
            catalog.drop_connection(ANNA, &name(&id), DropBehavior::Leave).expect("dropped");
            say(&format!("DROP_CONNECTION us.{id}"));
        }
    }
}

/// Makes homes for ever, with a secret in each.
#[test]
fn victim_that_makes_homes() {
    let Some(parent) = env::var_os(HOME) else { return };
    for number in 0_u64.. {
        let catalog = opened(&Path::new(&parent).join(number.to_string()));
        create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
        say(&number.to_string());
    }
}

fn assert_whole(catalog: &Catalog) {
    let check: Result<String> = catalog
        .read(|transaction| Ok(transaction.pragma_query_value(None, "integrity_check", |row| row.get(0))?));
    assert_eq!(check.as_deref(), Ok("ok"));
    assert!(catalog.dataset(&DatasetName::main()).expect("readable").is_some());
}

#[test]
fn a_killed_shell_loses_nothing_it_reported() {
    let home = folder();
    let mut trail: Vec<String> = Vec::new();
    for (round, count) in [0, 1, 2, 3, 5, 8, 13, 21, 34].into_iter().enumerate() {
        let victim = Victim::start("victim_that_changes_connections", home.path());
        let reports = victim.killed_after(count, Duration::from_micros(700 * round as u64));
        assert!(reports.len() >= count);

        let catalog = opened(home.path());
        assert_whole(&catalog);
        // What it reported is in the trail, in order; at most the operation it was killed in is more.
        let rows = audit(&catalog);
        assert_eq!(rows[..trail.len()], trail, "round {round}: earlier rows stay");
        let new = &rows[trail.len()..];
        let reported: Vec<String> = reports.iter().map(|report| format!("anna {report} ok")).collect();
        assert_eq!(new[..reported.len()], reported, "round {round}");
        assert!(new.len() <= reported.len() + 1, "round {round}: {new:?} {reported:?}");
        trail = rows;

        for record in catalog.connections().expect("readable") {
            let id = record.name.id.clone();
            // The row and its audit row are one transaction: the last row about it says which it is.
            let last = trail.iter().rfind(|row| row.ends_with(&format!(" us.{id} ok"))).expect("audited");
            let expected = match last.split(' ').nth(1) {
                Some("CREATE_CONNECTION") => "made ",
                Some("ALTER_CONNECTION") => "altered ",
                _ => panic!("round {round}: {id} is there, and {last}"),
            };
            let password = password(&catalog, &id).expect("opens");
            assert!(password.starts_with(expected), "round {round}: {password:?} after {last}");
        }
    }
}

#[test]
fn a_home_whose_making_was_killed_opens() {
    let parent = folder();
    for round in 0..6 {
        let homes = parent.path().join(format!("round-{round}"));
        fs::create_dir(&homes).expect("made");
        let victim = Victim::start("victim_that_makes_homes", &homes);
        let reports = victim.killed_after(1 + round, Duration::from_micros(1300 * round as u64));
        for home in fs::read_dir(&homes).expect("readable") {
            let path = home.expect("readable").path();
            let catalog = opened(&path);
            assert_whole(&catalog);
            let number = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let finished = number.is_some_and(|number| reports.contains(&number));
            match catalog.connection(&name("c")).expect("readable") {
                Some(_) => assert_eq!(password(&catalog, "c"), Ok("p".to_owned())),
                None => assert!(!finished, "{path:?} was reported"),
            }
            // Whatever was left unfinished, the home goes on working.
            create(&catalog, &shop("d", "q"), OnExisting::Fail).expect("made");
            assert_eq!(password(&catalog, "d"), Ok("q".to_owned()));
        }
    }
}
