//! What both tables with borders are drawn with: `table` and `fitted`.

pub(super) const DIM: &str = "\x1b[2m";
pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const RESET: &str = "\x1b[0m";

/// A line between rows, over columns of these widths with a space on either side.
pub(super) fn push_rule(
    widths: impl Iterator<Item = usize>,
    [left, middle, right]: [&str; 3],
    out: &mut String,
) {
    out.push_str(left);
    for (index, width) in widths.enumerate() {
        if index > 0 {
            out.push_str(middle);
        }
        out.extend(std::iter::repeat_n('─', width + 2));
    }
    out.push_str(right);
    out.push('\n');
}
