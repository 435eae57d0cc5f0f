//! What a name means where it stands: CTEs, and the tables that FROM brings in.

use sqlparser::ast::{Expr, Ident};

use super::build;
use super::merged::{Part, Parts};

/// The names visible at one point of the walk.
#[derive(Default)]
pub(super) struct Scope {
    /// CTEs in scope, the innermost last.
    ctes: Vec<Cte>,
    /// Every name given to a CTE so far. DataFusion refuses a WITH inside another's scope that reuses a
    /// name, so each gets its own.
    cte_names: Vec<String>,
    /// One list of tables for each FROM, the innermost last.
    frames: Vec<Vec<Visible>>,
    /// What `*` is made of in each of them.
    parts: Vec<Parts>,
}

struct Cte {
    name: String,
    planned_name: String,
}

/// A table, a CTE or a subquery in FROM.
pub(super) struct Visible {
    /// How columns are qualified, in lower case.
    pub(super) alias: String,
    /// The dotted name as written, if it may qualify columns too: no alias was written.
    pub(super) path: Vec<String>,
    /// Whether the alias names a value, which is its one column: that of UNNEST.
    pub(super) element: bool,
}

impl Scope {
    /// Marks where a query begins; `leave` takes it back.
    pub(super) fn enter(&self) -> usize {
        self.ctes.len()
    }

    /// Forgets the CTEs since `mark`.
    pub(super) fn leave(&mut self, mark: usize) {
        self.ctes.truncate(mark);
    }

    /// Chooses the name by which DataFusion is to know a CTE. It is not in scope yet.
    pub(super) fn name_cte(&mut self, written: &str) -> String {
        let name = written.to_lowercase();
        let mut planned_name = name.clone();
        let mut number = 1;
        while self.cte_names.contains(&planned_name) {
            number += 1;
            planned_name = format!("{name}_{number}");
        }
        self.cte_names.push(planned_name.clone());
        planned_name
    }

    /// Brings a CTE into scope.
    pub(super) fn add_cte(&mut self, written: &str, planned_name: String) {
        self.ctes.push(Cte { name: written.to_lowercase(), planned_name });
    }

    /// What DataFusion knows the CTE of this name by. CTEs' names do not differ by case.
    pub(super) fn cte(&self, written: &str) -> Option<String> {
        let name = written.to_lowercase();
        self.ctes.iter().rev().find(|cte| cte.name == name).map(|cte| cte.planned_name.clone())
    }

    /// Opens a SELECT.
    pub(super) fn push_frame(&mut self) {
        self.frames.push(Vec::new());
        self.parts.push(Parts::default());
    }

    /// Closes it.
    pub(super) fn pop_frame(&mut self) {
        self.frames.pop();
        self.parts.pop();
    }

    /// Brings a table into the innermost FROM. False if its alias is taken there.
    pub(super) fn add_table(&mut self, table: Visible) -> bool {
        let Some(frame) = self.frames.last_mut() else { return true };
        let free = frame.iter().all(|other| other.alias != table.alias);
        if let Some(parts) = self.parts.last_mut() {
            parts.list.push(Part::Table(table.alias.clone()));
        }
        frame.push(table);
        free
    }

    /// Says that the alias of the table that was added last names a value.
    pub(super) fn last_is_an_element(&mut self) {
        if let Some(table) = self.frames.last_mut().and_then(|frame| frame.last_mut()) {
            table.element = true;
        }
    }

    /// What `*` is made of in the innermost FROM.
    pub(super) fn parts(&mut self) -> &mut Parts {
        if self.parts.is_empty() {
            self.parts.push(Parts::default());
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// What an unqualified name stands for in the innermost FROM, if USING has made it.
    pub(super) fn merged(&self, name: &str) -> Option<Expr> {
        self.parts.last()?.merged(name).cloned()
    }

    /// Whether a FROM around here has a table of this alias.
    pub(super) fn has_alias(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.frames.iter().flatten().any(|table| table.alias == name)
    }

    /// Whether an alias is that of a table of a query around the innermost one.
    pub(super) fn is_outer(&self, alias: &Ident) -> bool {
        self.frames.last().is_some_and(|frame| frame.iter().all(|table| table.alias != alias.value))
    }

    /// A dotted path as DataFusion is to see it: the table's alias, then columns and fields, in lower
    /// case. Also how many parts the table took.
    pub(super) fn resolve(&self, path: &[Ident]) -> (Vec<Ident>, usize) {
        let lower = |idents: &[Ident]| -> Vec<Ident> { idents.iter().map(lowered).collect() };
        // `shop.orders`.id is shop.orders.id.
        let whole: Vec<Ident> = path.iter().flat_map(split_at_dots).collect();
        for frame in self.frames.iter().rev() {
            // An alias hides a column's and a table's full name.
            if path.len() > 1
                && let Some(table) = frame.iter().find(|table| table.alias == path[0].value.to_lowercase())
            {
                let mut resolved = lower(path);
                if table.element && path[1].value != "*" {
                    resolved.insert(1, resolved[0].clone());
                    return (resolved, 2);
                }
                return (resolved, 1);
            }
            let named = |table: &&Visible| {
                let length = table.path.len();
                length > 1
                    && whole.len() > length
                    && whole.iter().zip(&table.path).all(|(ident, part)| ident.value == *part)
            };
            if let Some(table) = frame.iter().find(named) {
                let columns = &whole[table.path.len()..];
                let mut resolved = vec![build::identifier(&table.alias)];
                resolved.extend(lower(columns));
                return (resolved, path.len() - columns.len().min(path.len()));
            }
        }
        (lower(path), 0)
    }
}

fn split_at_dots(ident: &Ident) -> Vec<Ident> {
    ident.value.split('.').map(|part| Ident { value: part.to_string(), ..ident.clone() }).collect()
}

/// The identifier in lower case, to be taken as it is; its place is kept.
pub(super) fn lowered(ident: &Ident) -> Ident {
    Ident { value: ident.value.to_lowercase(), quote_style: Some('"'), span: ident.span }
}
