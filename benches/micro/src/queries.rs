//! The 22 queries of TPC-H, as texts and read.

use std::fs;

use firth_sql::{Parameters, Query, Statement};

pub(crate) struct Queries {
    texts: Vec<String>,
    parsed: Vec<Statement>,
    parameters: Parameters,
}

impl Queries {
    pub(crate) fn read() -> Result<Queries, String> {
        let mut queries =
            Queries { texts: Vec::new(), parsed: Vec::new(), parameters: Parameters::default() };
        for number in 1..=22 {
            let path = format!("{}/../../queries/tpch/q{number:02}.sql", env!("CARGO_MANIFEST_DIR"));
            let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
            let parsed = firth_sql::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            queries.parsed.push(parsed);
            queries.texts.push(text);
        }
        Ok(queries)
    }

    pub(crate) fn each_text(&self, work: impl Fn(&str)) {
        self.texts.iter().for_each(|text| work(text));
    }

    pub(crate) fn each_query(&self, work: impl Fn(&Query, &Parameters)) {
        for statement in &self.parsed {
            if let Statement::Query(query) = statement {
                work(query, &self.parameters);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_of_work_is_that_of_an_error() {
        let queries = Queries::read().unwrap();
        assert!(queries.parsed.iter().all(|statement| matches!(statement, Statement::Query(_))));
        queries.each_text(|text| assert!(firth_sql::format(text).is_ok()));
        queries.each_query(|query, parameters| assert!(firth_sql::rewrite(query, parameters).is_ok()));
    }
}
