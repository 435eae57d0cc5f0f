//! `cargo xtask package`: what is given to people who do not compile: a `.tar.gz`, a `.deb`, their checksums, a Homebrew formula.
//!
//! All of them hold the same tree: the program, its manual page, completions for three shells, the licence. Nothing in it depends
//! on when or by whom it was packed: times are that of the last commit, owners are root.

mod deb;
mod formula;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Arguments;
use crate::command::{self, run_quietly};
use crate::error::{Context, Result};
use crate::workspace;

/// One release of the program for one kind of machine.
struct Release {
    /// The program.
    program: PathBuf,
    version: String,
    /// As compilers name machines, such as `x86_64-unknown-linux-musl`.
    target: String,
    /// When the source was last changed, in seconds since 1970.
    time: String,
    /// Whether packages may be larger than need be.
    quickly: bool,
}

/// Runs the subcommand.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let given = arguments.take_value("--program")?.map(PathBuf::from);
    let target = arguments.take_value("--target")?;
    let out =
        arguments.take_value("--out")?.map_or_else(|| workspace::target().join("package"), PathBuf::from);
    let url = arguments.take_value("--url")?;
    arguments.finish()?;
    let program = given.map_or_else(|| build(target.as_deref()), Ok)?;
    for file in pack(&Release::of(program, target)?, &out, url.as_deref())? {
        println!("{}", file.display());
    }
    Ok(())
}

/// Packs a program that was built for tests, and looks whether what comes out of the packages runs.
pub(crate) fn check(programs: &Path) -> Result<()> {
    let out = crate::servers::fresh_state("package");
    fs::create_dir_all(&out).context(out.display())?;
    // What the debugger wants is most of it, and would be compressed for nothing.
    let program = out.join("firth");
    run_quietly(Command::new("strip").arg("-o").arg(&program).arg(programs.join("firth")))?;
    let release = Release { quickly: true, ..Release::of(program, None)? };
    let packed = pack(&release, &out, None).and_then(|files| {
        let unpacked = out.join("unpacked");
        for file in &files {
            fs::create_dir_all(&unpacked).context(unpacked.display())?;
            let (mut unpack, program) = if file.extension().is_some_and(|extension| extension == "deb") {
                let mut unpack = Command::new("dpkg-deb");
                unpack.arg("--extract").arg(file).arg(&unpacked);
                (unpack, unpacked.join("usr/bin/firth"))
            } else if file.extension().is_some_and(|extension| extension == "gz") {
                let mut unpack = Command::new("tar");
                unpack.arg("--extract").arg("--file").arg(file).arg("--directory").arg(&unpacked);
                (unpack, unpacked.join(release.name()).join("bin/firth"))
            } else {
                continue;
            };
            run_quietly(&mut unpack)?;
            // A home of its own: that of whoever runs this is none of its business.
            let mut ask = Command::new(&program);
            ask.arg("--home").arg(out.join("home")).args(["--format", "csv", "-c", "SELECT 41 + 1 AS a"]);
            let said = run_quietly(&mut ask)?;
            if said != "a\n42\n" {
                return Err(format!("the program in {} said {said:?}", file.display()));
            }
            fs::remove_dir_all(&unpacked).context(unpacked.display())?;
        }
        Ok(())
    });
    let _ = fs::remove_dir_all(&out);
    packed
}

fn build(target: Option<&str>) -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--locked", "--package", "firth-shell", "--bin", "firth"]);
    let mut folder = workspace::target();
    if let Some(target) = target {
        cargo.args(["--target", target]);
        folder.push(target);
    }
    command::run(&mut cargo)?;
    Ok(folder.join("release/firth"))
}

impl Release {
    fn of(program: PathBuf, target: Option<String>) -> Result<Release> {
        let said = run_quietly(Command::new(&program).arg("-V"))?;
        let version = said.trim().strip_prefix("firth ").ok_or("the program does not say its version")?;
        let mut git = Command::new("git");
        git.args(["log", "-1", "--format=%ct"]).current_dir(workspace::root());
        let time = run_quietly(&mut git)?.trim().to_string();
        let target = target.map_or_else(host, Ok)?;
        Ok(Release { version: version.to_string(), target, time, program, quickly: false })
    }

    /// Of the archive, and of the folder in it.
    fn name(&self) -> String {
        format!("firth-{}-{}", self.version, self.target)
    }
}

/// The machine that we are compiled on.
fn host() -> Result<String> {
    let said = run_quietly(workspace::rustc().arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("the compiler does not say for what it compiles")?.to_string())
}

/// Writes the packages into `out`, and answers which.
fn pack(release: &Release, out: &Path, url: Option<&str>) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(out).context(out.display())?;
    let tree = out.join(release.name());
    if tree.exists() {
        fs::remove_dir_all(&tree).context(tree.display())?;
    }
    plant(release, &tree)?;
    let archive = out.join(format!("{}.tar.gz", release.name()));
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .arg(format!("--mtime=@{}", release.time))
        .args([
            "--use-compress-program",
            if release.quickly { "gzip --no-name -1" } else { "gzip --no-name -9" },
        ])
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(out)
        .arg(release.name());
    run_quietly(&mut tar)?;
    let mut files = vec![archive.clone()];
    if release.target.contains("linux") {
        files.push(deb::pack(release, &tree, out)?);
    }
    fs::remove_dir_all(&tree).context(tree.display())?;
    if let Some(url) = url {
        files.push(formula::write(release, &archive, url, out)?);
    }
    let mut sums = String::new();
    for file in &files {
        sums.push_str(&format!(
            "{}  {}\n",
            sha256(file)?,
            file.file_name().unwrap_or_default().to_string_lossy()
        ));
    }
    let list = out.join("SHA256SUMS");
    fs::write(&list, sums).context(list.display())?;
    files.push(list);
    Ok(files)
}

/// The tree as it lies below `/usr`.
fn plant(release: &Release, tree: &Path) -> Result<()> {
    let said = |words: &[&str]| run_quietly(Command::new(&release.program).args(words));
    let program = fs::read(&release.program).context(release.program.display())?;
    let root = workspace::root();
    let page = |name: &str| fs::read(root.join(name)).context(name);
    let files = [
        ("bin/firth", program, 0o755),
        ("share/man/man1/firth.1", said(&["man"])?.into_bytes(), 0o644),
        ("share/bash-completion/completions/firth", said(&["completions", "bash"])?.into_bytes(), 0o644),
        ("share/zsh/vendor-completions/_firth", said(&["completions", "zsh"])?.into_bytes(), 0o644),
        ("share/fish/vendor_completions.d/firth.fish", said(&["completions", "fish"])?.into_bytes(), 0o644),
        ("share/doc/firth/copyright", page("LICENSE")?, 0o644),
        ("share/doc/firth/CHANGELOG.md", page("CHANGELOG.md")?, 0o644),
    ];
    for (name, content, mode) in files {
        let path = tree.join(name);
        let folder = path.parent().unwrap_or(tree);
        fs::create_dir_all(folder).context(folder.display())?;
        fs::write(&path, content).context(path.display())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).context(path.display())?;
    }
    let manual = tree.join("share/man/man1/firth.1");
    run_quietly(Command::new("gzip").args(["--no-name", "-9"]).arg(manual)).map(drop)
}

fn sha256(file: &Path) -> Result<String> {
    let said = run_quietly(Command::new("sha256sum").arg(file))?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_string())
}
