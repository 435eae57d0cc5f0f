//! Entries with weights, of which the one unused for longest goes first.

use std::collections::BTreeMap;

/// A map that knows how much it weighs and which entry was used longest ago. Keys are ordered, so that
/// ranges can be looked up by what they begin before.
#[derive(Debug)]
pub(crate) struct Aged<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    /// Keys by the time of their last use.
    uses: BTreeMap<u64, K>,
    clock: u64,
    weight: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K, V> Default for Aged<K, V> {
    fn default() -> Self {
        Aged { entries: BTreeMap::new(), uses: BTreeMap::new(), clock: 0, weight: 0 }
    }
}

impl<K: Ord + Clone, V> Aged<K, V> {
    /// What all entries weigh.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The time, in uses and changes.
    pub(crate) fn clock(&self) -> u64 {
        self.clock
    }

    /// When the entry that was used longest ago was.
    pub(crate) fn oldest_use(&self) -> Option<u64> {
        self.uses.first_key_value().map(|(used, _)| *used)
    }

    /// The entry of this key, used now.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        self.touch(key);
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The entries at and before this key, nearest first. Does not count as use.
    pub(crate) fn back_from(&self, key: &K) -> impl Iterator<Item = (&K, &V)> {
        self.entries.range(..=key.clone()).rev().map(|(key, entry)| (key, &entry.value))
    }

    /// Notes that an entry is used now.
    pub(crate) fn touch(&mut self, key: &K) {
        self.clock += 1;
        if let Some(entry) = self.entries.get_mut(key) {
            self.uses.remove(&entry.used);
            entry.used = self.clock;
            self.uses.insert(self.clock, key.clone());
        }
    }

    /// Adds an entry, or replaces the one of this key.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        self.clock += 1;
        self.weight += weight;
        self.uses.insert(self.clock, key.clone());
        self.entries.insert(key, Entry { value, weight, used: self.clock });
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.uses.remove(&entry.used);
            self.weight -= entry.weight;
        }
    }

    /// Removes the entry that was used longest ago; `false` if there is none.
    pub(crate) fn remove_oldest(&mut self) -> bool {
        let Some((_, key)) = self.uses.pop_first() else { return false };
        if let Some(entry) = self.entries.remove(&key) {
            self.weight -= entry.weight;
        }
        true
    }

    /// Removes what is not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let gone: Vec<K> = self.entries.keys().filter(|key| !keep(key)).cloned().collect();
        for key in gone {
            self.remove(&key);
        }
    }
}
