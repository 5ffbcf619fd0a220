//! Files of the project, read only: paths are relative to the folder of `pb.toml` or of the playbook.

use pb_core::{Driver, Drivers, Failure, Result, code};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs;

/// A file above this is no migration and no list of variables.
const LARGEST: u64 = 16 << 20;

/// Reads the project's files.
pub struct Files {
    reader: FileReader,
    writer: NoWriter,
}

/// The half that reads.
pub struct FileReader {
    base: PathBuf,
}

/// Nothing of the project is written.
pub struct NoWriter;

impl Driver for Files {
    type Reader = FileReader;
    type Writer = NoWriter;
    const KEY: &'static str = "";

    fn reader(&self) -> &FileReader {
        &self.reader
    }

    fn writer(&self) -> &NoWriter {
        &self.writer
    }
}

/// Adds the driver; `base` is what relative paths start from.
pub fn register(drivers: &mut Drivers, base: &Path) {
    let base = base.to_owned();
    drivers.add(Files {
        reader: FileReader { base },
        writer: NoWriter,
    });
}

impl FileReader {
    /// The text of a file.
    ///
    /// # Errors
    /// `PB0012` when it cannot be read, is too large or is no UTF-8.
    pub async fn read(&self, path: &str) -> Result<String> {
        let whole = self.base.join(path);
        let told = |error| unreadable("file", path, &whole, &error);
        within_size(path, fs::metadata(&whole).await.map_err(told)?.len())?;
        text(path, fs::read(&whole).await.map_err(told)?)
    }

    /// The texts of the files of a folder whose names end with `.` and the extension, by name. Hidden files and folders
    /// are passed over.
    ///
    /// # Errors
    /// `PB0012` when the folder or one of the files cannot be read.
    pub async fn read_dir(&self, dir: &str, extension: &str) -> Result<BTreeMap<String, String>> {
        let whole = self.base.join(dir);
        let told = |error| unreadable("folder", dir, &whole, &error);
        let mut entries = fs::read_dir(&whole).await.map_err(told)?;
        let mut names = vec![];
        while let Some(entry) = entries.next_entry().await.map_err(told)? {
            let name = named(dir, &entry.path())?;
            // A link counts as what it leads to.
            if is_wanted(&name, extension)
                && fs::metadata(entry.path()).await.map_err(told)?.is_file()
            {
                names.push(name);
            }
        }
        let mut texts = BTreeMap::new();
        for name in names {
            let path = format!("{}/{name}", dir.trim_end_matches('/'));
            texts.insert(name, self.read(&path).await?);
        }
        Ok(texts)
    }
}

/// The same of a folder, for those that look before anything runs.
///
/// # Errors
/// `PB0012` when the folder or one of the files cannot be read.
pub(crate) fn texts_of(
    base: &Path,
    dir: &str,
    extension: &str,
) -> Result<BTreeMap<String, String>> {
    let whole = base.join(dir);
    let told = |error| unreadable("folder", dir, &whole, &error);
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(&whole).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let name = named(dir, &path)?;
        if is_wanted(&name, extension) && std::fs::metadata(&path).map_err(told)?.is_file() {
            let shown = format!("{}/{name}", dir.trim_end_matches('/'));
            let told = |error| unreadable("file", &shown, &path, &error);
            within_size(&shown, std::fs::metadata(&path).map_err(told)?.len())?;
            texts.insert(name, text(&shown, std::fs::read(&path).map_err(told)?)?);
        }
    }
    Ok(texts)
}

fn named(dir: &str, path: &Path) -> Result<String> {
    let name = path.file_name().unwrap_or_default();
    name.to_str().map(Into::into).ok_or_else(|| {
        let shown = name.to_string_lossy().into_owned();
        let message = format!("the name of `{dir}/{shown}` was not UTF-8");
        Failure::new(&code::FILE, message)
    })
}

fn is_wanted(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty() && !name.starts_with('.') && end.eq_ignore_ascii_case(extension)
    })
}

fn within_size(path: &str, size: u64) -> Result<()> {
    if size <= LARGEST {
        return Ok(());
    }
    let message = format!("the file `{path}` was refused: it has {size} bytes");
    Err(Failure::new(&code::FILE, message)
        .because(format!("a file that a step reads may have {LARGEST} bytes")))
}

fn text(path: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(&code::FILE, format!("the file `{path}` was not UTF-8"))
            .because(format!("the byte at {at} begins no character"))
            .hint(format!("iconv -f WINDOWS-1252 -t UTF-8 {path}"))
    })
}

fn unreadable(what: &str, path: &str, whole: &Path, error: &io::Error) -> Failure {
    let message = format!("the {what} `{path}` could not be read");
    let why = error.to_string();
    let why = why
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase();
    Failure::new(&code::FILE, message).because(format!("{}: {why}", whole.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pb-files-{name}-{}", std::process::id()));
            std::fs::create_dir(&path).expect("a fresh folder");
            Self(path)
        }

        fn reader(&self) -> FileReader {
            FileReader {
                base: self.0.clone(),
            }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[tokio::test]
    async fn a_folder_gives_its_files_by_name() {
        let folder = Folder::new("names");
        std::fs::create_dir_all(folder.0.join("m/sub.sql")).expect("made");
        for (name, text) in [
            ("b.sql", "2"),
            ("a.SQL", "1"),
            (".c.sql", "3"),
            ("d.txt", "4"),
        ] {
            std::fs::write(folder.0.join("m").join(name), text).expect("written");
        }
        let found = folder
            .reader()
            .read_dir("m/", "sql")
            .await
            .expect("readable");
        let found: Vec<_> = found
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        assert_eq!(found, [("a.SQL", "1"), ("b.sql", "2")]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named() {
        let folder = Folder::new("errors");
        std::fs::write(folder.0.join("bad.sql"), b"ab\xff").expect("written");
        let bad = folder.reader().read("bad.sql").await.expect_err("no text");
        assert_eq!(bad.message, "the file `bad.sql` was not UTF-8");
        assert_eq!(bad.because, ["the byte at 2 begins no character"]);
        let none = folder
            .reader()
            .read_dir("none", "sql")
            .await
            .expect_err("no folder");
        assert_eq!(none.message, "the folder `none` could not be read");
        let expect = format!("{}/none: no such file or directory", folder.0.display());
        assert_eq!(none.because, [expect]);
    }
}
