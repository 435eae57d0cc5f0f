//! Unfinished multipart uploads.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;

/// One unfinished upload: its object's resource and the parts that have arrived.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) resource: Value,
    parts: BTreeMap<u32, Bytes>,
}

/// All unfinished uploads, by id.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    started: u64,
    unfinished: HashMap<String, Upload>,
}

impl Uploads {
    /// Begins an upload and gives it an id.
    pub(super) fn begin(&self, resource: Value) -> String {
        let mut state = self.lock();
        state.started += 1;
        let id = format!("upload-{}", state.started);
        state.unfinished.insert(id.clone(), Upload { resource, parts: BTreeMap::new() });
        id
    }

    /// Keeps a part, in the place of an earlier one of the same number. False if there is no such upload.
    pub(super) fn put(&self, id: &str, number: u32, part: Bytes) -> bool {
        let mut state = self.lock();
        let Some(upload) = state.unfinished.get_mut(id) else { return false };
        upload.parts.insert(number, part);
        true
    }

    /// The upload as it stands.
    pub(super) fn get(&self, id: &str) -> Option<Upload> {
        self.lock().unfinished.get(id).cloned()
    }

    /// Forgets the upload. False if there is none.
    pub(super) fn remove(&self, id: &str) -> bool {
        self.lock().unfinished.remove(id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic between two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// The parts that `request`, a `CompleteMultipartUpload` document, asks for, in its order.
    pub(super) fn parts(&self, request: &str) -> Result<Vec<Bytes>, &'static str> {
        let mut parts = Vec::new();
        let mut last = 0;
        for text in request.split("<PartNumber>").skip(1) {
            let number = text.split('<').next().and_then(|number| number.trim().parse::<u32>().ok());
            let Some(number) = number else { return Err("MalformedXML") };
            if number <= last {
                return Err("InvalidPartOrder");
            }
            last = number;
            parts.push(self.parts.get(&number).ok_or("InvalidPart")?.clone());
        }
        if parts.is_empty() { Err("MalformedXML") } else { Ok(parts) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(order: &[u32]) -> Result<Vec<Bytes>, &'static str> {
        let uploads = Uploads::default();
        let id = uploads.begin(Value::Null);
        for number in [2, 1] {
            assert!(uploads.put(&id, number, Bytes::from(format!("part {number}"))));
        }
        let request: String =
            order.iter().map(|number| format!("<Part><PartNumber>{number}</PartNumber></Part>")).collect();
        uploads.get(&id).unwrap().parts(&request)
    }

    #[test]
    fn parts_come_in_the_order_of_their_numbers() {
        assert_eq!(complete(&[1, 2]), Ok(vec![Bytes::from("part 1"), Bytes::from("part 2")]));
        assert_eq!(complete(&[2]), Ok(vec![Bytes::from("part 2")]));
        assert_eq!(complete(&[2, 1]), Err("InvalidPartOrder"));
        assert_eq!(complete(&[1, 3]), Err("InvalidPart"));
        assert_eq!(complete(&[]), Err("MalformedXML"));
    }

    #[test]
    fn an_aborted_upload_takes_no_parts() {
        let uploads = Uploads::default();
        let id = uploads.begin(Value::Null);
        assert!(uploads.remove(&id));
        assert!(!uploads.remove(&id));
        assert!(!uploads.put(&id, 1, Bytes::new()));
    }
}
