//! A process that dies at a point of what it does: this test binary again, told by the environment to run one
//! statement. The program itself has no such hook.

use std::{env, path::Path, process::Command, sync::Arc};

use crate::session::TestSession;

const HOME: &str = "FIRTH_TEST_VICTIM_HOME";
const POINT: &str = "FIRTH_TEST_VICTIM_POINT";
const SQL: &str = "FIRTH_TEST_VICTIM_SQL";

/// Runs in the process that dies. Without the variables there is nobody to kill.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let (Ok(home), Ok(point), Ok(sql)) = (env::var(HOME), env::var(POINT), env::var(SQL)) else { return };
    let session = TestSession::new(Path::new(&home));
    session.observe_exports(Arc::new(move |reached| {
        if reached == point {
            std::process::abort();
        }
    }));
    let ended = session.execute(&sql).await;
    panic!("the statement ended: {ended:?}");
}

/// Runs a statement in a process with this home, which ends at `point`.
pub(crate) fn kill(home: &Path, point: &str, sql: &str) {
    let output = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", "victim::victim", "--nocapture"])
        .env(HOME, home)
        .env(POINT, point)
        .env(SQL, sql)
        .output()
        .expect("the victim starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && !said.contains("the statement ended"), "{point}: {said}");
}
