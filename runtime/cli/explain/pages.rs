//! The pages of the book about codes, within the command: what is explained is what the book says.

macro_rules! pages {
    ($($id:literal)*) => {
        /// The code and the text of its page, in order of the number.
        pub(super) const PAGES: &[(&str, &str)] = &[$((
            $id,
            include_str!(concat!("../../../book/src/reference/errors/", $id, ".md")),
        )),*];
    };
}

pages! {
    "PB0001" "PB0002" "PB0003" "PB0004" "PB0005" "PB0006" "PB0007" "PB0008"
    "PB0009" "PB0010" "PB0011" "PB0012" "PB0013" "PB0014" "PB0016" "PB0017"
    "PB0018" "PB0019" "PB0020" "PB0021" "PB0022" "PB0042" "PB0043" "PB0044"
    "PB0045" "PB0046" "PB0101" "PB0102" "PB0201" "PB0202" "PB0203" "PB0204"
    "PB0206" "PB0207" "PB0208" "PB0209" "PB0210" "PB0211" "PB0212" "PB0213"
    "PB0214" "PB0215" "PB0216" "PB0217" "PB0218" "PB0219" "PB0220" "PB0221"
    "PB0222" "PB0223" "PB0224" "PB0225" "PB0230" "PB0231" "PB0232" "PB0233" "PB0301"
    "PB0302" "PB0303" "PB0304" "PB0305" "PB0306" "PB0307" "PB0308" "PB0309"
    "PB0310" "PB0311" "PB0312" "PB0313" "PB0314" "PB0315" "PB0316" "PB0317"
    "PB0318" "PB0330" "PB0331" "PB0332" "PB0333" "PB0334" "PB0335" "PB0336"
    "PB0337" "PB0401" "PB0402" "PB0403" "PB0404" "PB0405" "PB0406" "PB0407"
    "PB0410" "PB0411" "PB0501" "PB0502"
}

#[cfg(test)]
mod tests {
    use super::PAGES;
    use pb_core::code;

    #[test]
    fn every_code_has_its_page() {
        let pages: Vec<_> = PAGES.iter().map(|(id, _)| *id).collect();
        let codes: Vec<_> = code::ALL.iter().map(|code| code.id).collect();
        assert_eq!(
            pages, codes,
            "the list in explain/pages.rs is not that of code.rs"
        );
    }
}
