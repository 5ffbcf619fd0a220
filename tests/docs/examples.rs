//! Rust that a page shows stands in an example, word for word: `file=examples/x.rs` after the language names which.

use super::blocks::of_language;
use super::none;
use crate::rules::read;

#[test]
fn rust_on_pages_is_that_of_an_example() {
    let wrong = of_language("rust").into_iter().filter_map(|block| {
        let why = match block.value("file") {
            None => "it names no file".to_owned(),
            Some(file) if block.is("whole") && read(file) != block.text => {
                format!("it is not the whole of {file}")
            }
            Some(file) if !read(file).contains(&block.text) => format!("{file} does not hold it"),
            Some(_) => return None,
        };
        Some(format!("{}: {why}", block.place()))
    });
    none(
        &wrong.collect::<Vec<_>>(),
        "copy these from the example anew",
    );
}
