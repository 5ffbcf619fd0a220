//! The driver `haproxy`: what primitives read from a backend, and what they may change in it.

use super::config::Backend;
use super::runtime::ask;
use super::server::{self, Admin, Server};
use pb_core::{Driver, Failure, Handle, HandleKind, Result, code};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So often is read again what does not fit together.
const TRIES: u32 = 3;

/// Begins the names of servers that were added at runtime.
pub(crate) const ADDED: &str = "pb-";

/// An argument that takes a backend.
#[derive(Debug)]
pub struct Router;

impl HandleKind for Router {
    const DRIVERS: &'static [&'static str] = &[HaproxyDriver::KEY];
    const DEFAULT: Option<&'static str> = None;
}

/// Reaches HAProxy by its runtime socket.
#[derive(Default)]
pub struct HaproxyDriver {
    reader: Reader,
    writer: Writer,
}

/// The half that cannot change anything.
#[derive(Default)]
pub struct Reader(());

/// The half that changes servers.
#[derive(Default)]
pub struct Writer {
    claims: Arc<Mutex<HashSet<Claimed>>>,
}

type Claimed = (Backend, String);

/// A server that one step alone may change, until this is dropped. Steps that run at the same time want the same free
/// slot; whoever claimed it looks again before using it.
pub(crate) struct Claim {
    claims: Arc<Mutex<HashSet<Claimed>>>,
    claimed: Claimed,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.claimed);
    }
}

impl Driver for HaproxyDriver {
    type Reader = Reader;
    type Writer = Writer;
    const KEY: &'static str = "haproxy";

    fn config() -> Vec<pb_core::spec::Field> {
        pb_core::spec::Field::all_of::<super::config::HaproxyConfig>()
    }

    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn writer(&self) -> &Writer {
        &self.writer
    }
}

impl Reader {
    /// The servers of the backend, in its order.
    pub(crate) async fn servers(&self, handle: &Handle) -> Result<Vec<Server>> {
        servers(&Backend::of(handle)?).await
    }
}

async fn servers(backend: &Backend) -> Result<Vec<Server>> {
    let mut tries = 0;
    loop {
        match tables(backend).await? {
            Ok(servers) => return Ok(servers),
            // Another step may have added or deleted a server between the two tables.
            Err(_) if tries < TRIES => tries += 1,
            Err(why) => {
                let socket = &backend.socket;
                let message = format!("the answer of HAProxy at `{socket}` could not be read");
                return Err(Failure::new(&code::ROUTER, message).because(why));
            }
        }
    }
}

async fn tables(backend: &Backend) -> Result<Result<Vec<Server>, String>> {
    let Backend { socket, name } = backend;
    // 4 asks for servers alone, of all proxies: by name, HAProxy finds a frontend first that is called like the backend,
    // and tells of no servers at all.
    let commands = format!("show stat -1 4 -1; show servers state {name}");
    let answer = ask(socket, &commands).await?;
    if answer.contains("Can't find backend") {
        let message = format!("HAProxy at `{socket}` has no backend `{name}`");
        let failure = Failure::new(&code::ROUTER, message);
        return Err(failure.hint(format!("echo 'show backend' | socat - {socket}")));
    }
    let at = answer.find("\n1\n#").map_or(answer.len(), |at| at + 1);
    Ok(server::parse(name, &answer[..at], &answer[at..]))
}

impl Writer {
    /// Claims a server; `None` when another step has it.
    pub(crate) fn claim(&self, handle: &Handle, server: &str) -> Result<Option<Claim>> {
        let claimed = (Backend::of(handle)?, server.to_owned());
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = claims.insert(claimed.clone());
        Ok(fresh.then(|| Claim {
            claims: self.claims.clone(),
            claimed,
        }))
    }

    /// Gives a server an address and lets requests go there.
    pub(crate) async fn open(
        &self,
        handle: &Handle,
        server: &str,
        address: SocketAddr,
    ) -> Result<()> {
        let backend = Backend::of(handle)?;
        let at = format!("{}/{server}", backend.name);
        let (ip, port) = (address.ip(), address.port());
        let set = format!("set server {at} addr {ip} port {port}; set server {at} state ready");
        let answer = ask(&backend.socket, &set).await?;
        let seen = find(&backend, server).await?;
        match seen.is_some_and(|s| s.address == Some(address) && s.admin == Admin::Ready) {
            true => Ok(()),
            false => Err(refused(
                &backend,
                &format!("send requests for `{server}` to {address}"),
                &answer,
            )),
        }
    }

    /// Lets a server get no new requests, or none at all.
    pub(crate) async fn set(&self, handle: &Handle, server: &str, admin: Admin) -> Result<()> {
        let backend = Backend::of(handle)?;
        let word = admin.word();
        let set = format!("set server {}/{server} state {word}", backend.name);
        let answer = ask(&backend.socket, &set).await?;
        match find(&backend, server).await? {
            Some(seen) if seen.admin == admin => Ok(()),
            _ => Err(refused(
                &backend,
                &format!("set `{server}` to {word}"),
                &answer,
            )),
        }
    }

    /// Adds a server that gets requests from the start.
    pub(crate) async fn add(
        &self,
        handle: &Handle,
        server: &str,
        address: SocketAddr,
        checked: bool,
    ) -> Result<()> {
        let backend = Backend::of(handle)?;
        let at = format!("{}/{server}", backend.name);
        let (check, enable) = match checked {
            true => (" check", format!("; enable health {at}")),
            false => ("", String::new()),
        };
        let add = format!("add server {at} {address}{check}{enable}; set server {at} state ready");
        let answer = ask(&backend.socket, &add).await?;
        let seen = find(&backend, server).await?;
        if seen.is_some_and(|s| s.address == Some(address) && s.admin == Admin::Ready) {
            return Ok(());
        }
        let message = format!(
            "HAProxy has no free server for {address} in `{}`",
            backend.name
        );
        let failure = Failure::new(&code::NO_SLOT, message)
            .because("every server of a `server-template` has an address that is in use")
            .because(format!("`add server` was refused: {}", said(&answer)));
        Err(failure.hint(format!(
            "backend `{}` needs `server-template slot 8 127.0.0.1:8000 disabled`: twice as many as \
             containers",
            backend.name
        )))
    }

    /// Deletes a server that was added; it is in maintenance by now.
    pub(crate) async fn delete(&self, handle: &Handle, server: &str) -> Result<()> {
        let backend = Backend::of(handle)?;
        let delete = format!("del server {}/{server}", backend.name);
        let mut answer = String::new();
        // Idle connections to it are closed within a moment.
        for _ in 0..50 {
            answer = ask(&backend.socket, &delete).await?;
            if find(&backend, server).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(refused(&backend, &format!("delete `{server}`"), &answer))
    }
}

async fn find(backend: &Backend, server: &str) -> Result<Option<Server>> {
    Ok(servers(backend)
        .await?
        .into_iter()
        .find(|seen| seen.name == server))
}

fn refused(backend: &Backend, what: &str, answer: &str) -> Failure {
    let Backend { socket, name } = backend;
    let message = format!("HAProxy at `{socket}` did not {what} in `{name}`");
    Failure::new(&code::ROUTER, message).because(format!("it answered: {}", said(answer)))
}

fn said(answer: &str) -> String {
    let lines: Vec<_> = answer
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        "nothing".into()
    } else {
        lines.join("; ")
    }
}
