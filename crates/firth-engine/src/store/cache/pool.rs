//! The memory pool of queries, for which caches make room.

use std::{fmt, sync::Arc};

use datafusion::{
    error::Result,
    execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation},
};

use super::Caches;

/// A pool that asks the caches to give back what a query lacks, before the query has to spill or fail.
#[derive(Debug)]
pub(crate) struct YieldingPool {
    pool: Arc<dyn MemoryPool>,
    caches: Arc<Caches>,
}

impl YieldingPool {
    /// Wraps `pool`, to which the caches are charged directly: giving back does not come here.
    pub(crate) fn new(pool: Arc<dyn MemoryPool>, caches: Arc<Caches>) -> Self {
        YieldingPool { pool, caches }
    }
}

impl MemoryPool for YieldingPool {
    fn name(&self) -> &str {
        self.pool.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        // A query's share may be a part of what is free, so more than it lacks may have to go.
        let mut wanted = additional;
        loop {
            match self.pool.try_grow(reservation, additional) {
                Ok(()) => return Ok(()),
                Err(error) if self.caches.give_back(wanted) == 0 => return Err(error),
                Err(_) => wanted = wanted.saturating_mul(4),
            }
        }
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

impl fmt::Display for YieldingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}
