//! Where lines begin.

use super::{
    WIDTH, space,
    tree::{Node, Piece},
};
use crate::TokenKind;

/// How much deeper what belongs to something stands.
const STEP: usize = 2;

/// Words that begin a clause of a query or of one of our statements.
const CLAUSES: &[&str] =
    &["SELECT", "FROM", "WHERE", "HAVING", "QUALIFY", "WINDOW", "LIMIT", "UNION", "INTERSECT", "OPTIONS"];

/// Words before JOIN.
const JOINS: &[&str] = &["JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS"];

/// The text so far.
pub(super) struct Layout<'a> {
    pieces: &'a [Piece<'a>],
    out: String,
    /// The last token written.
    last: Option<usize>,
    /// Where the next token begins a line, if it does.
    line: Option<usize>,
    column: usize,
}

impl<'a> Layout<'a> {
    pub(super) fn new(pieces: &'a [Piece<'a>]) -> Self {
        Layout { pieces, out: String::new(), last: None, line: None, column: 0 }
    }

    /// Writes a statement, on lines of its own.
    pub(super) fn statement(&mut self, nodes: &[Node]) {
        let comments = nodes.iter().take_while(|node| self.is_comment(node)).count();
        for node in &nodes[..comments] {
            self.new_line(0);
            self.gap(node.start());
            self.node(node, 0);
        }
        if let Some(first) = nodes.get(comments) {
            self.new_line(0);
            self.gap(first.start());
            self.clauses(&nodes[comments..], 0, true);
        }
    }

    /// The text, with a line end at its end.
    pub(super) fn end(mut self) -> String {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn is_comment(&self, node: &Node) -> bool {
        matches!(node, Node::Token(index) if self.pieces[*index].is_comment())
    }

    fn is(&self, node: &Node, word: &str) -> bool {
        matches!(node, Node::Token(index) if self.pieces[*index].is(word))
    }

    fn is_operator(&self, node: &Node, operator: &str) -> bool {
        matches!(node, Node::Token(index) if self.pieces[*index].is_operator(operator))
    }

    /// The next token begins a line.
    fn new_line(&mut self, indent: usize) {
        self.line = Some(indent);
    }

    /// An empty line before a token that had one.
    fn gap(&mut self, index: usize) {
        if self.pieces[index].after_gap && !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Writes a token, on a new line at `indent` if one has to begin.
    fn token(&mut self, index: usize, indent: usize) {
        let piece = &self.pieces[index];
        let after_comment = self.last.is_some_and(|last| self.pieces[last].ends_line());
        let line = match self.line.take() {
            Some(indent) => Some(indent),
            None if after_comment || piece.begins_line() => Some(indent),
            None => None,
        };
        match (line, self.last) {
            (Some(indent), last) => {
                if last.is_some() {
                    self.out.push('\n');
                }
                self.out.extend(std::iter::repeat_n(' ', indent));
                self.column = indent;
            }
            (None, Some(last)) if space::between(&self.pieces[last], piece) => {
                self.out.push(' ');
                self.column += 1;
            }
            (None, _) => {}
        }
        self.out.push_str(piece.text);
        self.column = match piece.text.rfind('\n') {
            Some(at) => piece.text[at + 1..].chars().count(),
            None => self.column + piece.text.chars().count(),
        };
        self.last = Some(index);
    }

    /// How wide these are on one line. `None` if they cannot be on one.
    fn width(&self, nodes: &[Node]) -> Option<usize> {
        let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return Some(0) };
        let (first, last) = (first.start(), last.end());
        let mut width = 0;
        for index in first..=last {
            let piece = &self.pieces[index];
            let breaks_inside = (piece.ends_line() && index < last) || (piece.begins_line() && index > first);
            if breaks_inside || piece.text.contains('\n') {
                return None;
            }
            let space = index > first && space::between(&self.pieces[index - 1], piece);
            width += usize::from(space) + piece.text.chars().count();
        }
        Some(width)
    }

    /// Whether these fit where the next token goes, and what follows on the same line does too.
    fn fit(&self, nodes: &[Node], after: usize) -> bool {
        let column = self.line.unwrap_or(self.column + 1);
        self.width(nodes).is_some_and(|width| column + width + after <= WIDTH)
    }

    fn flat(&mut self, nodes: &[Node], indent: usize) {
        if let (Some(first), Some(last)) = (nodes.first(), nodes.last()) {
            for index in first.start()..=last.end() {
                self.token(index, indent);
            }
        }
    }

    /// A query or a statement: on one line, or each clause on its own.
    fn clauses(&mut self, nodes: &[Node], indent: usize, is_statement: bool) {
        if self.fit(nodes, 0) {
            return self.flat(nodes, indent);
        }
        if !is_statement && !self.is_query(nodes) {
            return self.clause(nodes, indent, indent);
        }
        let mut start = 0;
        for at in 1..=nodes.len() {
            if at == nodes.len() || self.begins_clause(nodes, at) {
                if start > 0 {
                    self.new_line(indent);
                }
                self.clause(&nodes[start..at], indent, indent + STEP);
                start = at;
            }
        }
    }

    fn is_query(&self, nodes: &[Node]) -> bool {
        let first = nodes.iter().find(|node| !self.is_comment(node));
        first.is_some_and(|node| match node {
            Node::Token(index) => self.pieces[*index].is_one_of(&["SELECT", "WITH", "FROM", "WHEN"]),
            // `(SELECT …) UNION ALL …`, and CASE x WHEN ….
            Node::Group { inner, .. } => self.is_query(inner),
        }) || nodes.iter().any(|node| self.is(node, "WHEN"))
    }

    fn begins_clause(&self, nodes: &[Node], at: usize) -> bool {
        let Node::Token(index) = &nodes[at] else {
            return false;
        };
        let piece = &self.pieces[*index];
        let next = |ahead: usize, words: &[&str]| {
            nodes.get(at + ahead).is_some_and(|node| words.iter().any(|word| self.is(node, word)))
        };
        let before = |words: &[&str]| words.iter().any(|word| self.is(&nodes[at - 1], word));
        if piece.is_one_of(CLAUSES) {
            return !before(&["DISTINCT", "EXPLAIN", "ANALYZE"]);
        }
        match () {
            () if piece.is_one_of(&["GROUP", "ORDER"]) => next(1, &["BY"]),
            () if piece.is("EXCEPT") => next(1, &["ALL", "DISTINCT"]),
            () if piece.is("WITH") => next(1, &["CONNECTION", "PARTITION"]),
            () if piece.is_one_of(&["WHEN", "ELSE"]) => true,
            () if piece.is_one_of(JOINS) => {
                !before(JOINS) && !before(&["OUTER"]) && (piece.is("JOIN") || next(1, &["JOIN", "OUTER"]))
            }
            () => false,
        }
    }

    /// One clause, or one list: on a line, or broken after commas or before AND and OR. The pieces stand at `deeper`.
    fn clause(&mut self, nodes: &[Node], indent: usize, deeper: usize) {
        if self.fit(nodes, 0) {
            return self.flat(nodes, indent);
        }
        let is_comma = |node: &Node| self.is_operator(node, ",");
        if nodes.iter().any(is_comma) {
            return self.list(nodes, indent, deeper);
        }
        let mut between = false;
        let mut start = 0;
        for (at, node) in nodes.iter().enumerate() {
            let and = self.is(node, "AND");
            if at > 0 && (self.is(node, "OR") || (and && !between)) {
                self.sequence(&nodes[start..at], indent);
                self.new_line(deeper);
                start = at;
            }
            between = (between && !and) || self.is(node, "BETWEEN");
        }
        self.sequence(&nodes[start..], if start == 0 { indent } else { deeper });
    }

    /// A list whose items are a line each. What stands before the first, such as SELECT, has its own line.
    fn list(&mut self, nodes: &[Node], indent: usize, deeper: usize) {
        let head = if deeper > indent { self.head(nodes) } else { 0 };
        self.sequence(&nodes[..head], indent);
        let mut start = head;
        let mut at = head;
        while at < nodes.len() {
            let ends = self.is_operator(&nodes[at], ",");
            at += 1;
            if ends {
                // What is said about an item on its line stays there.
                while nodes
                    .get(at)
                    .is_some_and(|node| self.is_comment(node) && !self.pieces[node.start()].first)
                {
                    at += 1;
                }
            }
            if ends || at == nodes.len() {
                if start > 0 {
                    self.new_line(deeper);
                }
                self.sequence(&nodes[start..at], deeper);
                start = at;
            }
        }
    }

    /// How many nodes are the clause's own words: `SELECT DISTINCT`, `GROUP BY`.
    fn head(&self, nodes: &[Node]) -> usize {
        const HEADS: &[&str] = &[
            "SELECT",
            "DISTINCT",
            "ALL",
            "FROM",
            "GROUP",
            "ORDER",
            "BY",
            "WITH",
            "RECURSIVE",
            "WINDOW",
            "VALUES",
        ];
        nodes.iter().take_while(|node| HEADS.iter().any(|word| self.is(node, word))).count()
    }

    /// Nodes one after the other; parentheses that do not fit are broken inside.
    fn sequence(&mut self, nodes: &[Node], indent: usize) {
        for (at, node) in nodes.iter().enumerate() {
            // What stands close behind a closing parenthesis goes onto its line.
            let after = nodes.get(at + 1).map_or(0, |next| match next {
                Node::Token(index) if matches!(self.pieces[*index].text, "," | ";") => 1,
                _ => 0,
            });
            match node {
                Node::Group { open, inner, close } if !self.fit(std::slice::from_ref(node), after) => {
                    self.group(*open, inner, *close, indent);
                }
                _ => self.node(node, indent),
            }
        }
    }

    fn node(&mut self, node: &Node, indent: usize) {
        self.flat(std::slice::from_ref(node), indent);
    }

    fn group(&mut self, open: usize, inner: &[Node], close: usize, indent: usize) {
        self.token(open, indent);
        let is_case = self.pieces[open].kind == TokenKind::Word;
        if inner.is_empty() {
            return self.token(close, indent);
        }
        // `CASE x` keeps its operand.
        if !is_case || self.is(&inner[0], "WHEN") {
            self.new_line(indent + STEP);
        }
        self.clauses(inner, indent + STEP, false);
        self.new_line(indent);
        self.token(close, indent);
    }
}
