//! The formula by which Homebrew installs the archive.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Release, sha256};
use crate::error::{Context, Result};

/// Writes the formula of an archive that will lie below `url`.
pub(super) fn write(release: &Release, archive: &Path, url: &str, out: &Path) -> Result<PathBuf> {
    let file = out.join("firth.rb");
    fs::write(&file, text(release, url, &sha256(archive)?)).context(file.display())?;
    Ok(file)
}

fn text(release: &Release, url: &str, sum: &str) -> String {
    let (url, name, version) = (url.trim_end_matches('/'), release.name(), &release.version);
    format!(
        r##"class Firth < Formula
  desc "One SQL query over data that lives apart"
  homepage "{url}"
  url "{url}/{name}.tar.gz"
  version "{version}"
  sha256 "{sum}"
  license "Apache-2.0"

  def install
    bin.install "bin/firth"
    man1.install "share/man/man1/firth.1.gz"
    bash_completion.install "share/bash-completion/completions/firth"
    zsh_completion.install "share/zsh/vendor-completions/_firth"
    fish_completion.install "share/fish/vendor_completions.d/firth.fish"
  end

  test do
    assert_equal "a\n42\n", shell_output("#{{bin}}/firth --format csv -c 'SELECT 41 + 1 AS a'")
  end
end
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_names_the_archive_and_its_sum() {
        let release = Release {
            program: PathBuf::new(),
            version: "1.2.3".to_string(),
            target: "x86_64-unknown-linux-gnu".to_string(),
            time: "0".to_string(),
            quickly: false,
        };
        let text = text(&release, "https://example.com/releases/", "abc");
        assert!(
            text.contains("url \"https://example.com/releases/firth-1.2.3-x86_64-unknown-linux-gnu.tar.gz\"")
        );
        assert!(text.contains("sha256 \"abc\"") && text.contains("#{bin}/firth"), "{text}");
    }
}
