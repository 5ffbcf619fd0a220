//! `-- pb: allow RULE because …`: says of one statement why a rule is not for it.

use super::comments::line_comments;
use super::found::{Found, Kind, Spot};
use super::{own, squawk};
use crate::postgres::split::Statement;
use pb_core::{code, nearest};
use std::ops::Range;

/// A comment that silences a rule.
struct Allow<'a> {
    rule: &'a str,
    has_reason: bool,
    spot: Spot,
    /// The lines of the statement that it is about.
    lines: Option<Range<usize>>,
}

/// Takes out what is allowed, and adds what is wrong with the comments that allow it.
pub(super) fn settle(text: &str, statements: &[Statement<'_>], found: &mut Vec<Found>) {
    let allows: Vec<Allow<'_>> = line_comments(text, statements)
        .into_iter()
        .filter_map(|comment| Allow::read(text, statements, comment))
        .collect();
    if allows.is_empty() {
        return;
    }
    let mut used = vec![false; allows.len()];
    found.retain(|found| {
        let by = allows.iter().position(|allow| allow.silences(found));
        if let Some(by) = by {
            used[by] = true;
        }
        by.is_none()
    });
    for (allow, used) in allows.iter().zip(used) {
        if !used {
            found.extend(allow.trouble());
        }
    }
}

impl<'a> Allow<'a> {
    fn read(text: &'a str, statements: &[Statement<'_>], comment: Range<usize>) -> Option<Self> {
        let rest = directive(&text[comment.clone()])?;
        let (rule, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let reason = reason.trim_start().strip_prefix("because");
        Some(Self {
            rule,
            has_reason: reason
                .is_some_and(|reason| !reason.trim_matches([' ', '…', '.', ':']).is_empty()),
            spot: Spot::of(text, &comment),
            lines: meant(text, statements, &comment).map(|statement| {
                let lines = text[statement.range.clone()].matches('\n').count();
                statement.line..statement.line + lines + 1
            }),
        })
    }

    fn silences(&self, found: &Found) -> bool {
        // What stands for the whole file is allowed from anywhere in it.
        let is_there = found.spot.line == 0
            || self
                .lines
                .as_ref()
                .is_some_and(|lines| lines.contains(&found.spot.line));
        self.has_reason && found.kind != Kind::Refused && found.rule == self.rule && is_there
    }

    /// Why it silences nothing.
    fn trouble(&self) -> Option<Found> {
        let rule = self.rule;
        let names = squawk::rule_names();
        let names = names.iter().map(String::as_str).chain(own::RULES);
        let is_known = names.clone().any(|name| name == rule);
        let (name, message, hint) = if rule.is_empty() || rule == "because" {
            let hint = "write `-- pb: allow RULE because …`, with the rule that the finding names";
            (
                "allow-without-rule",
                "the comment names no rule".into(),
                hint.into(),
            )
        } else if !is_known {
            let hint = match nearest(rule, names) {
                Some(meant) => format!("write `{meant}`"),
                None => "pb check names the rule of each finding".into(),
            };
            ("unknown-rule", format!("there is no rule `{rule}`"), hint)
        } else if !self.has_reason {
            let hint = format!("write `-- pb: allow {rule} because …`");
            (
                "allow-without-reason",
                format!("why `{rule}` is allowed is not said"),
                hint,
            )
        } else {
            let hint =
                "delete the comment, or move it directly above the statement that it is about";
            (
                "unused-allow",
                format!("`{rule}` finds nothing in this statement"),
                hint.into(),
            )
        };
        Some(Found {
            rule: name.into(),
            kind: Kind::Doubtful,
            code: &code::MIGRATION_LINT,
            spot: self.spot,
            message: format!("`{name}`: {message}"),
            because: vec![],
            hint: Some(hint),
        })
    }
}

/// Whether a whole line is such a comment.
pub(crate) fn is_allow(line: &str) -> bool {
    directive(line).is_some()
}

/// What stands behind `pb: allow` in a comment.
fn directive(comment: &str) -> Option<&str> {
    let (pb, rest) = comment.strip_prefix("--")?.split_once(':')?;
    let rest = rest.trim();
    let allow = rest.strip_prefix("allow")?;
    let is_word = allow.is_empty() || allow.starts_with(char::is_whitespace);
    (pb.trim().eq_ignore_ascii_case("pb") && is_word).then(|| allow.trim())
}

/// The statement on whose lines the comment stands, or the one directly below it.
fn meant<'s, 'a>(
    text: &str,
    statements: &'s [Statement<'a>],
    comment: &Range<usize>,
) -> Option<&'s Statement<'a>> {
    let next = statements.partition_point(|statement| statement.range.start < comment.start);
    let before = next.checked_sub(1).map(|before| &statements[before]);
    let on = before.filter(|before| {
        let between = text.get(before.range.end..comment.start);
        between.is_none_or(|between| !between.contains('\n'))
    });
    if on.is_some() {
        return on;
    }
    let below = statements.get(next)?;
    let between = &text[comment.end..below.range.start];
    // The rest of the comment's line is empty, and so is what stands before the statement in its own.
    let lines: Vec<&str> = between.split('\n').collect();
    let inner = lines
        .get(1..lines.len().saturating_sub(1))
        .unwrap_or_default();
    let is_near = inner.iter().all(|line| !line.trim().is_empty());
    is_near.then_some(below)
}
