//! What statements parse to.

#[test]
fn dump() {
    let text = std::fs::read_to_string("statements.sql").unwrap();
    for block in text.split("\n-- [").skip(1) {
        let (head, body) = block.split_once('\n').unwrap();
        let id = &head[..3];
        let want = head.contains("parse=ok");
        for span in crate::split(body) {
            let sql = &body[span.start..span.end];
            match crate::parse(sql) {
                Ok(statement) => {
                    let shown = statement.to_string();
                    let again = crate::parse(&shown);
                    let same = again.as_ref().is_ok_and(|again| *again == statement);
                    println!(
                        "{id} {} ok same={same} {}",
                        if want { "" } else { "!!" },
                        shown.replace('\n', " ").chars().take(150).collect::<String>()
                    );
                    if let crate::Statement::Query(q) = &statement {
                        match crate::rewrite(q, &Default::default()) {
                            Ok(r) => println!("   => {}", r.query),
                            Err(e) => println!(
                                "   => ERR {}",
                                e.render(Some(firth_diagnostic::Source { name: "x", text: sql }), false)
                            ),
                        }
                    }
                }
                Err(e) => println!(
                    "{id} {} {}",
                    if want { "??" } else { "" },
                    e.render(Some(firth_diagnostic::Source { name: "x", text: sql }), false)
                ),
            }
        }
    }
}
