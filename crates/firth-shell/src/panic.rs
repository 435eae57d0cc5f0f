//! Panics: defects of ours, told as errors and not as traces.

use std::{
    any::Any,
    sync::{Mutex, PoisonError},
};

use firth_diagnostic::Diagnostic;

static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps the words of panics for whoever catches them, instead of printing them.
pub(crate) fn keep_words() {
    std::panic::set_hook(Box::new(|info| {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
    }));
}

/// The error that a caught panic is.
pub(crate) fn diagnostic(payload: Box<dyn Any + Send>) -> Diagnostic {
    // Dropping a payload could panic again.
    std::mem::forget(payload);
    let words = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
    Diagnostic::internal(words.as_deref().unwrap_or("panic").replace('\n', ": "))
}
