//! The prompt: `firth> `, and `   -> ` on further lines.

use std::borrow::Cow;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch};

pub(super) struct FirthPrompt;

impl Prompt for FirthPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("firth")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("   -> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!(" (search: {}) ", search.term))
    }
}
