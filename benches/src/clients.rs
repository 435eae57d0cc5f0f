//! Several clients at once, each of which is a process of the engine and asks the same over and over.
//!
//! Firth has no server: who runs it several times at once has several processes, and so have the others here.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    Result,
    case::Work,
    engine::{Answer, Engine},
    machine,
    measure::Sample,
    process,
};

/// Has every process do the work so often, all at the same time.
pub(crate) fn sample(mut clients: Vec<Box<dyn Engine>>, work: &Work, each: usize) -> Result<Sample> {
    let processes: Vec<u32> = clients.iter().map(|client| client.process()).collect();
    for process in &processes {
        process::forget_peak(*process);
    }
    let processor_time =
        || -> Option<Duration> { processes.iter().map(|process| process::processor_time(*process)).sum() };
    let before = processor_time();
    let begin = Instant::now();
    let answered = thread::scope(|scope| {
        let clients: Vec<_> =
            clients.iter_mut().map(|client| scope.spawn(move || ask(client.as_mut(), work, each))).collect();
        let ended = clients.into_iter().map(|client| client.join());
        ended.map(|done| done.unwrap_or_else(|_| Err("a client panicked".to_string()))).collect::<Vec<_>>()
    });
    let wall = begin.elapsed();
    let processor = processor_time().zip(before).map(|(after, before)| after.saturating_sub(before));
    let answered = answered.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(Sample {
        wall_ms: wall.as_secs_f64() * 1e3,
        processor_ms: processor.map(|time| time.as_secs_f64() * 1e3),
        peak_bytes: processes.iter().map(|process| process::peak_bytes(*process)).sum(),
        requests: answered.iter().map(|(_, answer)| answer.requests).sum(),
        bytes: answered.iter().map(|(_, answer)| answer.bytes).sum(),
        load: machine::load(),
        latencies_ms: answered.iter().map(|(time, _)| time.as_secs_f64() * 1e3).collect(),
    })
}

/// One client: how long each answer took.
fn ask(client: &mut dyn Engine, work: &Work, times: usize) -> Result<Vec<(Duration, Answer)>> {
    (0..times)
        .map(|_| {
            let begin = Instant::now();
            let answer = client.run(work)?;
            Ok((begin.elapsed(), answer))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A client that counts its answers, and fails at one of them.
    struct Counting {
        answers: u64,
        fails_at: u64,
    }

    impl Engine for Counting {
        fn process(&self) -> u32 {
            std::process::id()
        }

        fn run(&mut self, _: &Work) -> Result<Answer> {
            self.answers += 1;
            if self.answers == self.fails_at {
                return Err("enough".to_string());
            }
            Ok(Answer { rows: 1, requests: Some(2), bytes: None })
        }

        fn write_rows(&mut self, _: &str, _: &Path) -> Result<()> {
            Ok(())
        }
    }

    fn clients(count: usize, fails_at: u64) -> Vec<Box<dyn Engine>> {
        (0..count).map(|_| Box::new(Counting { answers: 0, fails_at }) as _).collect()
    }

    #[test]
    fn every_answer_of_every_client_is_in_the_sample() {
        let work = Work::Query("SELECT 1".to_string());
        let sample = sample(clients(4, 0), &work, 3).expect("a sample");
        assert_eq!(sample.latencies_ms.len(), 12);
        assert_eq!((sample.requests, sample.bytes), (Some(24), None));
    }

    #[test]
    fn a_client_that_fails_leaves_no_sample() {
        let work = Work::Query("SELECT 1".to_string());
        assert_eq!(sample(clients(2, 3), &work, 3).err().as_deref(), Some("enough"));
    }
}
