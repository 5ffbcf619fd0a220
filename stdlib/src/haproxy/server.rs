//! Servers of a backend, read from `show stat` and `show servers state`.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// A server of the backend: a line of haproxy.cfg, a slot of a `server-template`, or one that was added at runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) name: String,
    /// `None` while a name has no address yet.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) admin: Admin,
    pub(crate) check: Check,
    /// Requests that are with it now or wait for it.
    pub(crate) sessions: u64,
}

/// What operators told HAProxy of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Admin {
    /// It gets requests.
    Ready,
    /// It gets no new ones.
    Drain,
    /// It gets none and is not checked.
    Maint,
}

/// What HAProxy's own health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// There is none.
    None,
    Up,
    Down,
}

/// Bits of `srv_admin_state`: forced, inherited, by DNS, by host name.
const MAINT: u32 = 0x01 | 0x02 | 0x20 | 0x40;
/// Forced, inherited.
const DRAIN: u32 = 0x08 | 0x10;
/// Bit of `srv_check_state`.
const CHECKED: u32 = 0x02;

/// Reads both tables of a backend, in the order of `show servers state`; says what does not fit.
pub(crate) fn parse(backend: &str, stat: &str, state: &str) -> Result<Vec<Server>, String> {
    let counts = counts(backend, stat)?;
    let mut lines = state
        .lines()
        .skip_while(|line| !line.starts_with("# be_id"));
    let head = lines.next().ok_or("`show servers state` has no heading")?;
    let columns: Vec<_> = head.trim_start_matches("# ").split(' ').collect();
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let row = Row {
                columns: &columns,
                cells: line.split(' ').collect(),
            };
            let name = row.get("srv_name")?;
            // Taken for none, its requests would be cut.
            let (sessions, up) = *counts
                .get(name)
                .ok_or_else(|| format!("`show stat` does not tell of `{name}`"))?;
            Ok(Server {
                name: name.into(),
                address: row.address()?,
                admin: Admin::of(row.number("srv_admin_state")?),
                check: match row.number("srv_check_state")? & CHECKED {
                    0 => Check::None,
                    _ if up => Check::Up,
                    _ => Check::Down,
                },
                sessions,
            })
        })
        .collect()
}

/// Sessions of every server of a backend, and whether it is up.
fn counts<'a>(backend: &str, stat: &'a str) -> Result<HashMap<&'a str, (u64, bool)>, String> {
    let mut lines = stat
        .lines()
        .skip_while(|line| !line.starts_with("# pxname"));
    let head = lines.next().ok_or("`show stat` has no heading")?;
    let columns: Vec<_> = head.trim_start_matches("# ").split(',').collect();
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| Row {
            columns: &columns,
            cells: line.split(',').collect(),
        })
        .filter(|row| row.get("pxname") == Ok(backend))
        .map(|row| {
            let sessions = row.number("scur")? + row.number("qcur")?;
            let up = row.get("status")?.starts_with("UP");
            Ok((row.get("svname")?, (sessions.into(), up)))
        })
        .collect()
}

struct Row<'a, 'b> {
    columns: &'b [&'a str],
    cells: Vec<&'a str>,
}

impl<'a> Row<'a, '_> {
    fn get(&self, column: &str) -> Result<&'a str, String> {
        let at = self.columns.iter().position(|name| *name == column);
        let cell = at.and_then(|at| self.cells.get(at));
        cell.copied()
            .ok_or_else(|| format!("there is no `{column}`"))
    }

    fn number(&self, column: &str) -> Result<u32, String> {
        let text = self.get(column)?;
        text.parse()
            .map_err(|_| format!("`{column}` is `{text}`, no number"))
    }

    fn address(&self) -> Result<Option<SocketAddr>, String> {
        let port = self.number("srv_port")? as u16;
        let address = self.get("srv_addr")?.parse().ok();
        Ok(address.map(|ip: IpAddr| SocketAddr::new(ip, port)))
    }
}

impl Admin {
    fn of(bits: u32) -> Self {
        // Bit 4 only remembers that haproxy.cfg says `disabled`.
        match bits {
            bits if bits & MAINT != 0 => Self::Maint,
            bits if bits & DRAIN != 0 => Self::Drain,
            _ => Self::Ready,
        }
    }

    /// As commands and people write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "# pxname,svname,qcur,qmax,scur,smax,status,\n\
        web,slot1,0,0,3,9,UP,\nweb,slot2,1,0,0,0,DRAIN,\nweb,slot3,0,0,0,0,MAINT,\n\
        web,slot4,0,0,0,0,DOWN 1/2,\nother,slot1,0,0,9,9,UP,\nweb,plain,0,0,2,2,no check,\n\n";
    const STATE: &str = "1\n\
        # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_check_state srv_port\n\
        3 web 1 slot1 172.17.0.9 2 4 6 8001\n\
        3 web 2 slot2 172.17.0.8 2 12 7 8001\n\
        3 web 3 slot3 127.0.0.1 0 5 14 8000\n\
        3 web 4 slot4 172.17.0.7 0 0 6 8001\n\
        3 web 5 plain - 2 0 0 80\n\n";

    #[test]
    fn both_tables_make_one() {
        let server = |name: &str, address: &str, admin, check, sessions| Server {
            name: name.into(),
            address: address.parse().ok(),
            admin,
            check,
            sessions,
        };
        let expected = vec![
            server("slot1", "172.17.0.9:8001", Admin::Ready, Check::Up, 3),
            server("slot2", "172.17.0.8:8001", Admin::Drain, Check::Down, 1),
            server("slot3", "127.0.0.1:8000", Admin::Maint, Check::Down, 0),
            server("slot4", "172.17.0.7:8001", Admin::Ready, Check::Down, 0),
            server("plain", "-", Admin::Ready, Check::None, 2),
        ];
        assert_eq!(parse("web", STAT, STATE), Ok(expected));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let check = |stat, state, why: &str| assert_eq!(parse("web", stat, state), Err(why.into()));
        check("", STATE, "`show stat` has no heading");
        check(
            "# pxname,svname,qcur,scur,status\n\n",
            STATE,
            "`show stat` does not tell of `slot1`",
        );
        check(
            STAT,
            "Can't find backend.",
            "`show servers state` has no heading",
        );
        let short = "# be_id srv_name srv_addr srv_port\n3 slot1 10.0.0.1 80\n";
        check(STAT, short, "there is no `srv_admin_state`");
        check(
            "# pxname,svname,qcur,scur,status\nweb,s,0,x,UP\n",
            STATE,
            "`scur` is `x`, no number",
        );
    }
}
