//! Several shells at once.

use std::{sync::Barrier, thread};

use firth_diagnostic::Code;

use super::*;

const THREADS: usize = 8;

/// Runs `work` on as many threads at once, and answers what they answered.
fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn one_of_many_creates_wins_and_the_others_are_told() {
    let home = folder();
    let catalogs = [opened(home.path()), opened(home.path())];
    for round in 0..10 {
        let connection = format!("c{round}");
        let answers = at_once(|number| {
            let made = shop(&connection, &format!("password-{number}"));
            create(&catalogs[number % 2], &made, OnExisting::Fail)
        });
        let winners: Vec<usize> =
            (0..THREADS).filter(|number| answers[*number] == Ok(Created::New)).collect();
        let [winner] = winners[..] else { panic!("{answers:?}") };
        let told = answers
            .iter()
            .filter(|answer| answer.as_ref().is_err_and(|error| error.code() == Code::AlreadyExists));
        assert_eq!(told.count(), THREADS - 1, "{answers:?}");
        for catalog in &catalogs {
            assert_eq!(password(catalog, &connection), Ok(format!("password-{winner}")));
        }
    }
    assert_eq!(audit(&catalogs[0]).len(), 10);
}

#[test]
fn one_of_many_alters_wins() {
    let home = folder();
    let catalogs = [opened(home.path()), opened(home.path())];
    create(&catalogs[0], &shop("c", "p"), OnExisting::Fail).expect("made");
    for round in 1..10 {
        let record = read(&catalogs[0], "c");
        assert_eq!(record.version, round);
        let answers = at_once(|number| {
            alter(&catalogs[number % 2], &record, &[("password", text(&format!("{round}-{number}")))])
        });
        let winner = answers.iter().position(Result::is_ok).expect("one wins");
        let conflicts = answers
            .iter()
            .filter(|answer| answer.as_ref().is_err_and(|error| error.code() == Code::Conflict));
        assert_eq!(conflicts.count(), THREADS - 1, "{answers:?}");
        assert_eq!(password(&catalogs[1], "c"), Ok(format!("{round}-{winner}")));
    }
}

#[test]
fn shells_that_start_at_once_in_a_new_home_end_with_one_catalog_and_one_key() {
    for _ in 0..5 {
        let home = folder();
        let path = home.path().join("fresh");
        at_once(|number| {
            let catalog = opened(&path);
            create(&catalog, &shop(&format!("c{number}"), &format!("p{number}")), OnExisting::Fail)
                .expect("made");
        });
        let catalog = opened(&path);
        for number in 0..THREADS {
            assert_eq!(password(&catalog, &format!("c{number}")), Ok(format!("p{number}")));
        }
        assert_eq!(catalog.datasets().map(|all| all.len()), Ok(1));
        assert_eq!(audit(&catalog).len(), THREADS);
    }
}
