//! Listening sockets: the kernel spreads clients over the threads (`SO_REUSEPORT`).

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Core, StartError, Stop};
use crate::config::Listen;
use crate::error::{SessionError, Source};
use crate::session::startup::{Arrival, greet};
use crate::session::{Session, admission};
use crate::transport::Transport;

const BACKLOG: i32 = 1024;

/// The listeners of every thread. Port 0 is chosen once and then shared.
pub(super) fn bind(listen: &Listen) -> Result<Vec<Vec<TcpListener>>, StartError> {
    let mut all: Vec<Vec<TcpListener>> = Vec::new();
    for thread in 0..listen.threads {
        let mut listeners = Vec::new();
        for (index, configured) in listen.addresses.iter().enumerate() {
            let address = match all.first() {
                Some(first) if thread > 0 => first[index]
                    .local_addr()
                    .map_err(StartError::io("an address"))?,
                _ => *configured,
            };
            let listener =
                bind_one(address).map_err(StartError::io(format!("cannot listen on {address}")))?;
            listeners.push(listener);
        }
        all.push(listeners);
    }
    Ok(all)
}

fn bind_one(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The addresses as bound.
pub(super) fn addresses(listeners: &[Vec<TcpListener>]) -> Result<Vec<SocketAddr>, StartError> {
    let first = listeners.first().map(Vec::as_slice).unwrap_or_default();
    let bound: Result<_, _> = first.iter().map(TcpListener::local_addr).collect();
    bound.map_err(StartError::io("an address"))
}

/// Accepts until told to stop.
pub(super) async fn accept(
    core: Rc<Core>,
    listeners: Vec<TcpListener>,
    mut stopped: watch::Receiver<Stop>,
) {
    for listener in listeners {
        let (core, mut stopped) = (Rc::clone(&core), stopped.clone());
        tokio::task::spawn_local(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "a listener cannot be used"),
            };
            loop {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop != Stop::No) => return,
                    accepted = listener.accept() => match accepted {
                        Ok((stream, address)) => start(&core, stream, address),
                        Err(error) => {
                            tracing::warn!(%error, "a client was not accepted");
                            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        }
                    },
                }
            }
        });
    }
    let _ = stopped.wait_for(|stop| *stop == Stop::Now).await;
}

fn start(core: &Rc<Core>, stream: TcpStream, address: SocketAddr) {
    let core = Rc::clone(core);
    let place = Place::take(&core);
    tokio::task::spawn_local(async move {
        if let Err(error) = crate::transport::tune(&stream) {
            tracing::debug!(%address, %error, "a socket is not tuned");
        }
        match let_in(core, stream, address, &place).await {
            // A task of its own: entering takes more memory than being a session.
            Ok(Some(session)) => drop(tokio::task::spawn_local(serve(session, address, place))),
            Ok(None) => {}
            Err(error) => report(address, &error),
        }
    });
}

async fn serve(session: Box<Session>, address: SocketAddr, _place: Place) {
    if let Err(error) = session.serve().await {
        report(address, &error);
    }
}

fn report(address: SocketAddr, error: &SessionError) {
    match error.source() {
        Source::Client => tracing::debug!(%address, %error, "session ended"),
        Source::Upstream => tracing::warn!(%address, %error, "session ended"),
        Source::Gateway => tracing::error!(%address, %error, "session ended"),
    }
}

async fn let_in(
    core: Rc<Core>,
    stream: TcpStream,
    address: SocketAddr,
    place: &Place,
) -> Result<Option<Box<Session>>, SessionError> {
    let login = core.shared.limits.login;
    let entered = tokio::time::timeout(login, enter(core, stream, address, place)).await;
    let entered =
        entered.map_err(|_| SessionError::ClientProtocol("no login in time".to_owned()))?;
    Ok(entered?.map(Box::new))
}

/// From a connection to a session; a cancel request never becomes one.
async fn enter(
    core: Rc<Core>,
    stream: TcpStream,
    address: SocketAddr,
    place: &Place,
) -> Result<Option<Session>, SessionError> {
    let arrival = match greet(stream, address, &core.shared).await {
        Ok(arrival) => arrival,
        Err((Some(io), error)) => return tell(io, error).await,
        Err((None, error)) => return Err(error),
    };
    let newcomer = match arrival {
        Arrival::Newcomer(newcomer) => *newcomer,
        Arrival::Cancel {
            pid,
            secret,
            mut io,
        } => {
            core.shared.cancels.cancel(pid, secret).await;
            let _ = io.shutdown().await;
            return Ok(None);
        }
        Arrival::Gone => return Ok(None),
    };
    if place.number > core.shared.limits.sessions {
        return tell(
            newcomer.io,
            SessionError::refused("53300", "too many clients already"),
        )
        .await;
    }
    match admission::admit(core, newcomer).await {
        Ok(session) => Ok(Some(session)),
        Err((io, error)) => tell(io, error).await,
    }
}

async fn tell<T>(mut io: Transport, error: SessionError) -> Result<T, SessionError> {
    let mut out = BytesMut::new();
    error.to_client(&mut out);
    let _ = io.write_all(&out).await;
    let _ = io.shutdown().await;
    Err(error)
}

/// A place among the sessions, given back when dropped.
struct Place {
    core: Rc<Core>,
    number: usize,
}

impl Place {
    fn take(core: &Rc<Core>) -> Self {
        let before = core.shared.sessions.fetch_add(1, Ordering::Relaxed);
        Self {
            core: Rc::clone(core),
            number: before + 1,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.core.shared.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
