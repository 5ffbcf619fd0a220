//! Playbooks of ours with pieces taken out, doubled, or exchanged with those of another one.

use super::chance::Chance;
use super::pieces::TOKENS;

pub(super) fn mutant(playbooks: &[String], chance: &mut Chance) -> String {
    match chance.one_in(2) {
        true => words_exchanged(playbooks, chance),
        false => cut(playbooks, chance),
    }
}

/// With words in the places of others: most of these can still be parsed.
fn words_exchanged(playbooks: &[String], chance: &mut Chance) -> String {
    let playbook: &String = chance.of(playbooks);
    let mut pieces = pieces(playbook);
    let words: Vec<usize> = (0..pieces.len())
        .filter(|at| is_word(pieces[*at]))
        .collect();
    for _ in 0..=chance.below(4) {
        let (to, from) = (*chance.of(&words), *chance.of(&words));
        pieces[to] = pieces[from];
    }
    pieces.concat()
}

fn cut(playbooks: &[String], chance: &mut Chance) -> String {
    let mut text: Vec<char> = chance.of(playbooks).chars().collect();
    for _ in 0..=chance.below(4) {
        let other: Vec<char> = chance.of(playbooks).chars().collect();
        let at = chance.below(text.len().max(1));
        let end = (at + chance.below(20)).min(text.len());
        let from = chance.below(other.len());
        let to = (from + chance.below(40)).min(other.len());
        match chance.below(4) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..end, other[from..to].iter().copied())),
            2 => drop(text.splice(at..at, chance.of(TOKENS).chars())),
            _ => {
                let piece = text[at..end].to_vec();
                drop(text.splice(at..at, piece));
            }
        }
    }
    text.into_iter().collect()
}

/// Words, and what is between them.
fn pieces(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut pieces = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_part(c) != is_part(first));
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn is_word(piece: &str) -> bool {
    piece.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
