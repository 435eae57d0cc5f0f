//! One server process of ours: connecting to it, and leaving it in a hurry.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use datafusion::common::runtime::SpawnedTask;
use firth_connector::Canceller;
use firth_diagnostic::Result;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, lookup_host},
    sync::OnceCell,
    time::timeout,
};
use tokio_postgres::{
    Client, Column, Connection, NoTls, Row, Statement,
    config::{Config, SslMode},
    types::{ToSql, Type},
};

use super::{
    error,
    options::{Settings, TlsMode},
    password_guard::PasswordGuard,
    tls::Tls,
};

/// How long it may take to reach a server and to be let in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server and how to get in. Every backend of one connection shares it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) settings: Settings,
    tls: Tls,
}

/// A logged-in connection, which is one process at the server.
///
/// Dropping it closes the socket at once, whatever the server is doing.
pub(super) struct Backend {
    pub(super) client: Client,
    /// `TLSv1.3`, or `none`.
    pub(super) tls_version: &'static str,
    /// The encoding of the database's text; what we see of it is always UTF-8.
    pub(super) encoding: String,
    /// Whether something between us and the server may give the next transaction to another process.
    pub(super) pooled: bool,
    /// Whether the driver has looked up types: it keeps statements for that, which only this process has.
    looked_up: AtomicBool,
    /// The question that describes a table, once it has been asked before.
    describing: OnceCell<Statement>,
    has_described_tables: AtomicBool,
    server: Arc<Server>,
    address: SocketAddr,
    connection: SpawnedTask<()>,
}

impl Server {
    pub(super) fn new(settings: Settings) -> Self {
        Server { settings, tls: Tls::default() }
    }

    /// Connects and logs in.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Backend> {
        match timeout(CONNECT_TIMEOUT, self.log_in()).await {
            Ok(backend) => backend,
            Err(_) => Err(error::timed_out(&self.settings, CONNECT_TIMEOUT)),
        }
    }

    async fn log_in(self: &Arc<Self>) -> Result<Backend> {
        let settings = &self.settings;
        let mut config = Config::new();
        config.user(&settings.user).dbname(&settings.database).application_name("firth");
        if let Some(password) = &settings.password {
            config.password(password.expose_secret());
        }
        let encrypted = settings.tls != TlsMode::Disable;
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let handshake = if encrypted { Some(self.tls.handshake(settings)?) } else { None };

        let (stream, address) = open_socket(settings).await?;
        let own_port = stream.local_addr().map(|address| address.port()).unwrap_or_default();
        let refused = |refusal| error::connecting(settings, &refusal);
        let mut backend = match handshake {
            Some(handshake) => {
                let stream = PasswordGuard::passing(stream);
                let (client, connection) =
                    config.connect_raw(stream, handshake.clone()).await.map_err(refused)?;
                self.backend(client, connection, address, handshake.version())
            }
            None => {
                let stream = PasswordGuard::watching(stream);
                let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(refused)?;
                self.backend(client, connection, address, "none")
            }
        };
        backend.pooled = is_pooled(&backend.client, settings, own_port).await?;
        Ok(backend)
    }

    fn backend<S, T>(
        self: &Arc<Self>,
        client: Client,
        connection: Connection<S, T>,
        address: SocketAddr,
        tls_version: &'static str,
    ) -> Backend
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let encoding = connection.parameter("server_encoding").unwrap_or_default().to_owned();
        let connection = SpawnedTask::spawn(async move {
            // Whoever waits for an answer hears of the failure; here is nobody to tell.
            let _ = connection.await;
        });
        Backend {
            client,
            tls_version,
            encoding,
            pooled: false,
            looked_up: AtomicBool::new(false),
            describing: OnceCell::new(),
            has_described_tables: AtomicBool::new(false),
            server: Arc::clone(self),
            address,
            connection,
        }
    }
}

/// Whether the server sees another client than us: a pooler, or something that only passes bytes on,
/// which is taken for one at little cost.
async fn is_pooled(client: &Client, settings: &Settings, own_port: u16) -> Result<bool> {
    let row = client.query_typed_one("SELECT pg_catalog.inet_client_port()", &[]).await;
    let row = row.map_err(|failure| error::request(settings, &failure, None))?;
    Ok(row.get::<_, Option<i32>>(0) != Some(own_port.into()))
}

async fn open_socket(settings: &Settings) -> Result<(TcpStream, SocketAddr)> {
    let unreachable = |failure: &io::Error| error::unreachable(settings, failure);
    let addresses = lookup_host((settings.host.as_str(), settings.port))
        .await
        .map_err(|failure| error::unknown_host(settings, &failure))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect_socket(address).await {
            Ok(stream) => return Ok((stream, address)),
            Err(failure) => last = failure,
        }
    }
    Err(unreachable(&last))
}

async fn connect_socket(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_keepalive(true)?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Backend {
    /// Whether the socket is still open, as far as we have heard.
    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Notes of which types columns are that the driver has described.
    pub(super) fn has_described(&self, columns: &[Column]) {
        if columns.iter().any(|column| Type::from_oid(column.type_().oid()).is_none()) {
            self.looked_up.store(true, Ordering::Relaxed);
        }
    }

    /// Asks what describes a table: planning it takes the server more than four times as long as answering. So the
    /// second time, the question is prepared, which a pooler would give to another process; and it is planned once
    /// for all tables, where a server from version 12 on would do it anew for each of the first five. Nothing else that is
    /// sent in such a session is prepared with parameters.
    pub(super) async fn describe(
        &self,
        question: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> std::result::Result<Vec<Row>, tokio_postgres::Error> {
        if self.pooled || !self.has_described_tables.swap(true, Ordering::Relaxed) {
            return self.client.query_typed(question, parameters).await;
        }
        let types: Vec<Type> = parameters.iter().map(|(_, type_)| type_.clone()).collect();
        let prepare = || async {
            // Older servers do not know the setting: then it is as it was.
            let plan_once = self.client.batch_execute("SET plan_cache_mode = force_generic_plan");
            let (_, prepared) = tokio::join!(plan_once, self.client.prepare_typed(question, &types));
            prepared
        };
        let statement = self.describing.get_or_try_init(prepare).await?;
        let values: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|(value, _)| *value).collect();
        self.client.query(statement, &values).await
    }

    /// Whether another transaction may use it.
    pub(super) fn can_be_kept(&self) -> bool {
        self.is_open() && !(self.pooled && self.looked_up.load(Ordering::Relaxed))
    }

    /// Says goodbye, so that the server's log does not complain.
    pub(super) fn close(self) {
        Canceller::spawn(async move {
            let Backend { client, connection, .. } = self;
            drop(client);
            let _ = connection.await;
        });
    }

    /// Ends whatever the server is doing for us, then the connection. The canceller sees to it.
    ///
    /// `held` is dropped when the server has ended it, or after the canceller's patience.
    pub(super) fn abandon(self, held: impl Send + 'static) {
        if !self.is_open() {
            return;
        }
        Canceller::spawn(async move {
            // Not reached: then the socket is closed below, which the server notices when it next writes.
            let _ = self.send_cancel().await;
            // Answered once the cancelled statement has ended, with whatever it still had to say.
            let _ = self.client.batch_execute("ROLLBACK").await;
            let Backend { client, connection, .. } = self;
            drop(client);
            let _ = connection.await;
            drop(held);
        });
    }

    async fn send_cancel(&self) -> io::Result<()> {
        let token = self.client.cancel_token();
        let stream = connect_socket(self.address).await?;
        let sent = match self.server.settings.tls {
            TlsMode::Disable => token.cancel_query_raw(stream, NoTls).await,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
                let handshake = self.server.tls.handshake(&self.server.settings).map_err(io::Error::other)?;
                token.cancel_query_raw(stream, handshake).await
            }
        };
        sent.map_err(io::Error::other)
    }
}
