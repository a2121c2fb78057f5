//! Both servers, started and stopped together.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin_routes::{self, Admin};
use crate::clock::ServerClock;
use crate::connection::{Connection, Loopback};
use crate::engine::{self, FleetEngine};
use crate::fault::FaultScript;
use crate::fault_layer::{self, FaultLayer};
use crate::keys::{KeyPool, KeyRing};
use crate::mint::Minter;
use crate::role::Role;
use crate::session::Sessions;
use crate::shape::Shape;
use crate::stats::{Counters, Stats};
use crate::token_routes::{self, TokenService};

/// Why the world did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// The address can be reached from other machines; this backend serves loopback only.
    #[error("{0} is not a loopback address")]
    NotLoopback(IpAddr),
    /// The port could not be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// How a [`World`] is made. Every setting has a default that works.
#[derive(Clone, Debug)]
#[must_use]
pub struct WorldBuilder {
    provider_id: String,
    token_lifetime: Duration,
    reuse_until: Option<Duration>,
    default_shape: Option<Shape>,
    keys: KeyPool,
    eager_keys: bool,
    address: IpAddr,
    backend_port: u16,
    engine_port: u16,
    clock: ServerClock,
}

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            provider_id: "demo".into(),
            token_lifetime: Duration::from_hours(1),
            reuse_until: None,
            default_shape: None,
            keys: KeyPool::process_wide(),
            eager_keys: false,
            address: Ipv4Addr::LOCALHOST.into(),
            backend_port: 0,
            engine_port: 0,
            clock: ServerClock::new(),
        }
    }
}

impl WorldBuilder {
    /// The Google Cloud project id that tokens and resources belong to; `demo` by default.
    pub fn provider_id(mut self, id: impl Into<String>) -> Self {
        self.provider_id = id.into();
        self
    }

    /// How long tokens live; an hour by default. The engine refuses more than that and ten minutes.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Lets the backend hand out a token again while more than `left` of it is left, as real backends do.
    pub fn reuse_tokens_until(mut self, left: Duration) -> Self {
        self.reuse_until = Some(left);
        self
    }

    /// The shape of every reply that does not ask for another by `?shape=`; by default each route has its own.
    pub fn default_shape(mut self, shape: Shape) -> Self {
        self.default_shape = Some(shape);
        self
    }

    /// Reads the keys from `<dir>/<account>.pem`, and writes there those that are missing.
    pub fn keys_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.keys = KeyPool::in_dir(dir);
        self
    }

    /// Takes the keys from that pool. By default worlds of one process share one.
    pub fn keys(mut self, pool: KeyPool) -> Self {
        self.keys = pool;
        self
    }

    /// Makes every role's key in the background at once, instead of each at its first token.
    pub fn eager_keys(mut self) -> Self {
        self.eager_keys = true;
        self
    }

    /// The address of both servers: `127.0.0.1` by default, another loopback address by choice.
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// The token backend's port; 0, the default, lets the operating system choose.
    pub fn backend_port(mut self, port: u16) -> Self {
        self.backend_port = port;
        self
    }

    /// The engine's port; 0, the default, lets the operating system choose.
    pub fn engine_port(mut self, port: u16) -> Self {
        self.engine_port = port;
        self
    }

    /// The clock of both servers.
    pub fn clock(mut self, clock: ServerClock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts both servers on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// [`WorldError::NotLoopback`] for an address that others could reach, [`WorldError::Listen`] when a port is taken.
    pub async fn start(self) -> Result<World, WorldError> {
        if !self.address.is_loopback() {
            return Err(WorldError::NotLoopback(self.address));
        }
        let backend = listen(SocketAddr::new(self.address, self.backend_port)).await?;
        let engine_side = listen(SocketAddr::new(self.address, self.engine_port)).await?;

        let keys = Arc::new(KeyRing::new(self.keys));
        let counters = Arc::new(Counters::default());
        let minter = Minter::new(
            self.provider_id.clone(),
            Arc::clone(&keys),
            self.clock.clone(),
            Arc::clone(&counters),
            self.token_lifetime,
            self.reuse_until,
        );
        let engine =
            Arc::new(FleetEngine::new(self.provider_id, Arc::clone(&keys), self.clock.clone(), Arc::clone(&counters)));
        if self.eager_keys {
            // Not the runtime's blocking pool: a runtime waits for that when it ends.
            std::thread::spawn(move || Role::ALL.into_iter().all(|role| keys.current(role).is_ok()));
        }
        let (closing, _) = watch::channel(false);
        let mut world = World {
            backend: backend.1,
            engine_address: engine_side.1,
            sessions: Sessions::default(),
            faults: FaultScript::default(),
            engine,
            minter,
            counters,
            clock: self.clock,
            default_shape: self.default_shape,
            closing,
            servers: Vec::new(),
        };
        let admin = Admin {
            script: world.faults.clone(),
            counters: Arc::clone(&world.counters),
            engine: Arc::clone(&world.engine),
        };
        let backend_app = world.backend_router().merge(admin_routes::routes(admin));
        let engine_app = world.engine_router();
        world.servers = vec![world.serve(backend.0, backend_app), world.serve(engine_side.0, engine_app)];
        tracing::debug!(backend = %world.backend, engine = %world.engine_address, "world started");
        Ok(world)
    }
}

async fn listen(address: SocketAddr) -> Result<(Loopback, SocketAddr), WorldError> {
    let failed = |source| WorldError::Listen { address, source };
    let listener = Loopback::bind(address).await.map_err(failed)?;
    let bound = axum::serve::Listener::local_addr(&listener).map_err(failed)?;
    Ok((listener, bound))
}

/// A running token backend and a running emulated Fleet Engine, with the levers that a test or a demo pulls.
///
/// Dropping it stops both servers; [`World::stop`] also waits until they have stopped.
pub struct World {
    backend: SocketAddr,
    engine_address: SocketAddr,
    sessions: Sessions,
    faults: FaultScript,
    engine: Arc<FleetEngine>,
    minter: Minter,
    counters: Arc<Counters>,
    clock: ServerClock,
    default_shape: Option<Shape>,
    closing: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

impl World {
    /// A world with defaults, to be changed and started.
    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }

    /// The token backend's base, like `http://127.0.0.1:40123`, no slash at the end.
    pub fn backend_url(&self) -> String {
        format!("http://{}", self.backend)
    }

    /// The engine's base, no slash at the end; resources are under `/v1/providers/{provider_id}`. The same port speaks gRPC,
    /// which is HTTP/2 without TLS from the first byte (prior knowledge).
    pub fn engine_url(&self) -> String {
        format!("http://{}", self.engine_address)
    }

    /// Who may ask for which token. Nobody at first.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The faults to come, on both servers.
    pub fn faults(&self) -> &FaultScript {
        &self.faults
    }

    /// The engine itself: its fleet, and what it revokes.
    pub fn engine(&self) -> &Arc<FleetEngine> {
        &self.engine
    }

    /// Mints without a session: the server's own hand.
    pub fn minter(&self) -> &Minter {
        &self.minter
    }

    /// The counters as they are now.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// The clock of both servers.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// The token routes with faults and without the admin routes, to be served over a listener of the caller's own,
    /// such as one with TLS. There [`FaultKind::Reset`](crate::FaultKind::Reset) closes the connection without a reply,
    /// which the client may see as an early end instead of a reset.
    pub fn backend_router(&self) -> Router {
        let service = TokenService {
            minter: self.minter.clone(),
            sessions: self.sessions.clone(),
            clock: self.clock.clone(),
            default_shape: self.default_shape,
        };
        token_routes::routes(service).layer(middleware::from_fn_with_state(self.layer(), fault_layer::apply))
    }

    /// The engine's routes, REST and gRPC, as [`World::backend_router`].
    pub fn engine_router(&self) -> Router {
        engine::routes(&self.engine).layer(middleware::from_fn_with_state(self.layer(), fault_layer::apply))
    }

    /// Stops both servers: no new connections, hanging replies end, open ones are answered for up to a second.
    pub async fn stop(mut self) {
        let _ = self.closing.send(true);
        for server in std::mem::take(&mut self.servers) {
            let abort = server.abort_handle();
            if tokio::time::timeout(Duration::from_secs(1), server).await.is_err() {
                abort.abort();
            }
        }
    }

    fn layer(&self) -> FaultLayer {
        FaultLayer {
            script: self.faults.clone(),
            counters: Arc::clone(&self.counters),
            clock: self.clock.clone(),
            closing: self.closing.subscribe(),
        }
    }

    fn serve(&self, listener: Loopback, app: Router) -> JoinHandle<()> {
        let mut closing = self.closing.subscribe();
        let server = axum::serve(listener, app.into_make_service_with_connect_info::<Connection>())
            .with_graceful_shutdown(async move {
                // An error means that the world was dropped, which is the same.
                let _ = closing.wait_for(|closing| *closing).await;
            });
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::debug!(%error, "server ended");
            }
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.closing.send(true);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("backend", &self.backend)
            .field("engine", &self.engine_address)
            .finish_non_exhaustive()
    }
}
