//! The checksum of a migration: the same for the same file in another checkout.

use sha2::{Digest, Sha256};

use super::lex::BYTE_ORDER_MARK;
use super::lint::is_allow;

/// Returns the SHA-256 in hex of the text with what editors and git change by themselves folded: no
/// byte order mark, `\n` for `\r\n`, no blank lines at the end, one `\n` behind the last line. Lines
/// `-- pb: allow …` are left out, so that one can be added to a file that was applied long ago. For
/// a file that is so already it is what `sha256sum` prints.
pub fn checksum(text: &str) -> String {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let is_code = |line: &&str| !is_allow(line.trim());
    let mut lines: Vec<&str> = text.lines().filter(is_code).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line);
        hash.update("\n");
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_checksum() {
        // printf 'select 1;\n\n-- two\n' | sha256sum
        let expect = "1b1a19c8c7510089be086d8e6e2736e4b8a5fd5a427b801204a2c325e2b8e3e5";
        for text in [
            "select 1;\n\n-- two\n",
            "select 1;\n\n-- two",
            "select 1;\r\n\r\n-- two\r\n",
            "\u{feff}select 1;\n\n-- two\n\n \n\t\r\n",
            "select 1;\r\n\n-- two\r\n  ",
            "-- pb: allow a because b\nselect 1;\n\n  --PB: allow b\r\n-- two\n\n-- pb: allow",
        ] {
            assert_eq!(checksum(text), expect, "{text:?}");
        }
    }

    #[test]
    fn every_other_change_changes_it() {
        let texts = [
            "select 1;\n\n-- two\n",
            "select 1;\n-- two\n",
            "\nselect 1;\n\n-- two\n",
            "select 1;\n\n-- two \n",
            " select 1;\n\n-- two\n",
            "select 1;\n\n-- twO\n",
            "select 1;\n\n\u{feff}-- two\n",
            "select 1;\r\r-- two\n",
            "select 1; -- pb: allow a\n\n-- two\n",
            "select 1;\n\n-- two\n-- pb: allowed\n",
            "",
        ];
        let mut checksums = texts.map(checksum).to_vec();
        checksums.sort();
        checksums.dedup();
        assert_eq!(checksums.len(), texts.len());
    }

    #[test]
    fn files_of_blank_lines_are_empty() {
        // printf '' | sha256sum
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in ["", "\n", "\u{feff}\r\n \n"] {
            assert_eq!(checksum(text), empty, "{text:?}");
        }
    }
}
