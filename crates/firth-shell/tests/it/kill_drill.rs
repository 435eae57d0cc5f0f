//! The kill drill, as often as CI has time for. `kill-drill` of firth-testkit does it a thousand times.

use firth_testkit::kill_drill::KillDrill;
use tempfile::TempDir;

/// How often the program is killed here.
const KILLS: usize = 30;

#[test]
fn nothing_is_half_there_after_kills_at_random_moments() {
    let folder = TempDir::new().expect("a folder");
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let drill = KillDrill {
        program: insta_cmd::get_cargo_bin("firth"),
        folder: folder.path().to_owned(),
        kills: KILLS,
        seed,
    };
    let drilled = drill.run().unwrap_or_else(|broken| panic!("{broken}"));
    assert!(drilled.kills >= KILLS / 2, "the program ended by itself: {drilled:?}");
}
