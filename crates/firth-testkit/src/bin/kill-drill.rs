//! `kill-drill FIRTH FOLDER [KILLS [SEED]]`: kills the program FIRTH at random moments while it changes tables and
//! exports them in FOLDER, and checks what it leaves. A thousand kills, unless told otherwise.

use std::env;
use std::error::Error;
use std::io::Write;
use std::time::SystemTime;

use firth_testkit::kill_drill::KillDrill;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [program, folder, numbers @ ..] = words.as_slice() else {
        return Err("usage: kill-drill FIRTH FOLDER [KILLS [SEED]]".into());
    };
    let kills = numbers.first().map_or(Ok(1000), |kills| kills.parse())?;
    let seed = match numbers.get(1) {
        Some(seed) => seed.parse()?,
        None => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs(),
    };
    std::fs::create_dir_all(folder)?;
    let drilled = KillDrill { program: program.into(), folder: folder.into(), kills, seed }.run()?;
    writeln!(
        std::io::stdout(),
        "{} kills, {} rows left, seed {seed}: nothing is half there",
        drilled.kills,
        drilled.rows
    )?;
    Ok(())
}
