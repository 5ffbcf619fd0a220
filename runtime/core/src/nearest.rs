//! The name that was probably meant.

/// The candidate that a typing error could have made into `name`.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let allowed = (length / 3).clamp(1, 3);
    candidates
        .into_iter()
        // Counting is cheap, and no distance is shorter than the difference of the lengths.
        .filter(|candidate| {
            candidate.chars().count().abs_diff(length) <= allowed || candidate.starts_with(name)
        })
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            // Of one letter that is wrong nothing is left.
            (*distance <= allowed && *distance < length)
                || (name.len() > 3 && candidate.starts_with(name))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn typing_errors_are_seen_through_and_strangers_are_not() {
        let names = ["wait_db", "migrate", "swap_container", "sql"];
        let check = |name, meant| assert_eq!(nearest(name, names), meant, "{name}");
        check("wait_bd", Some("wait_db"));
        check("migrat", Some("migrate"));
        check("swap_contaner", Some("swap_container"));
        check("swap", Some("swap_container"));
        check("sq", Some("sql"));
        check("deploy", None);
        check("x", None);
        assert_eq!(nearest("x", ["y", "x1"]), None);
    }
}
