//! The line editor: its keys, colours, menu and history.

use std::path::PathBuf;

use reedline::{
    ColumnarMenu, EditMode, Emacs, KeyCode, KeyModifiers, Keybindings, MenuBuilder as _, Reedline,
    ReedlineEvent, ReedlineMenu, Vi, default_emacs_keybindings, default_vi_insert_keybindings,
    default_vi_normal_keybindings, default_vi_visual_keybindings,
};

use super::{
    completer::{Ask, Names, SqlCompleter},
    highlight, history, validate,
};

/// The menu of completions.
const MENU: &str = "completions";

/// What an editor is made of.
pub(super) struct EditorSpec {
    pub(super) home: PathBuf,
    pub(super) color: bool,
    pub(super) names: Names,
    pub(super) ask: Ask,
}

impl EditorSpec {
    /// An editor with the keys of this name: `emacs` or `vi`.
    pub(super) fn editor(&self, keys: &str) -> Reedline {
        let mut editor = Reedline::create()
            .with_validator(Box::new(validate::EndsWithSemicolon))
            .with_highlighter(Box::new(highlight::SqlHighlighter))
            .with_ansi_colors(self.color)
            .with_completer(Box::new(SqlCompleter { names: self.names.clone(), ask: self.ask.clone() }))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU))))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_edit_mode(edit_mode(keys))
            .use_bracketed_paste(true);
        if let Some(history) = history::SafeHistory::open(&self.home) {
            editor = editor.with_history(Box::new(history));
        }
        editor
    }
}

fn edit_mode(keys: &str) -> Box<dyn EditMode> {
    if keys == "vi" {
        let insert = with_menu(default_vi_insert_keybindings());
        return Box::new(Vi::new(insert, default_vi_normal_keybindings(), default_vi_visual_keybindings()));
    }
    Box::new(Emacs::new(with_menu(default_emacs_keybindings())))
}

/// Tab opens the menu, and goes on in it.
fn with_menu(mut keys: Keybindings) -> Keybindings {
    let tab = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(tab));
    keys
}
