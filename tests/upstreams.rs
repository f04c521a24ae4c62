//! How the gateway reaches PostgreSQL, and how clients reach the gateway: TLS, passwords, sockets.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sluice::demo::postgres::{Postgres, Role};
use sluice_tests::gateway::Place;
use sluice_tests::programs::{python, repository, said};
use sluice_tests::{Gateway, Person, server, sqlstate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls};

/// An authority that vouches for servers.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Writes a certificate for a name, and its key, to a folder.
    fn vouch(&self, name: &str, folder: &Path) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        write(&folder.join("server.pem"), &certificate.pem());
        write(&folder.join("server.key"), &key.serialize_pem());
    }

    /// Writes its own certificate to a file.
    fn show(&self, file: &Path) {
        write(file, &self.0.pem());
    }
}

/// Writes a file that only its owner and the owner of its folder may read.
fn write(file: &Path, text: &str) {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::write(file, text).expect("the folder is there");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, private).expect("the file is ours");
    let folder = file
        .parent()
        .expect("a folder")
        .metadata()
        .expect("a folder");
    chown(file, Some(folder.uid()), Some(folder.gid())).expect("the file is ours");
}

/// The server of these tests: it speaks TLS under a certificate for `localhost`, and asks each role
/// for its password in a way of its own.
struct Upstream {
    postgres: &'static Postgres,
    authority: Authority,
}

impl Upstream {
    async fn get() -> &'static Self {
        static MADE: tokio::sync::OnceCell<Upstream> = tokio::sync::OnceCell::const_new();
        MADE.get_or_init(|| async {
            let postgres = server::postgres().await;
            let authority = Authority::new("ours");
            let data = postgres.socket_directory().join("data");
            authority.vouch("localhost", &data);
            let rules = "local all all scram-sha-256\n\
                hostnossl all only_tls 127.0.0.1/32 reject\n\
                host all by_md5 127.0.0.1/32 md5\n\
                host all in_clear 127.0.0.1/32 password\n\
                host all trusted 127.0.0.1/32 trust\n\
                host all all 127.0.0.1/32 scram-sha-256\n";
            write(&data.join("pg_hba.conf"), rules);
            let admin = postgres.connect(Role::Superuser, "postgres").await.unwrap();
            let password = postgres.password(Role::Application);
            for statement in [
                "ALTER SYSTEM SET ssl_cert_file TO 'server.pem'".to_owned(),
                "ALTER SYSTEM SET ssl_key_file TO 'server.key'".to_owned(),
                "ALTER SYSTEM SET ssl TO on".to_owned(),
                format!("CREATE ROLE only_tls LOGIN PASSWORD '{password}' IN ROLE app"),
                format!("CREATE ROLE in_clear LOGIN PASSWORD '{password}' IN ROLE app"),
                "CREATE ROLE trusted LOGIN IN ROLE app".to_owned(),
                "SET password_encryption TO 'md5'".to_owned(),
                format!("CREATE ROLE by_md5 LOGIN PASSWORD '{password}' IN ROLE app"),
                "SELECT pg_reload_conf()".to_owned(),
            ] {
                admin.batch_execute(&statement).await.unwrap();
            }
            sluice_tests::eventually("the server speaks TLS", || async {
                let shown = admin.query_one("SHOW ssl", &[]).await.unwrap();
                shown.get::<_, &str>(0) == "on"
            })
            .await;
            Self {
                postgres,
                authority,
            }
        })
        .await
    }
}

/// A gateway whose upstream is configured by these lines.
async fn gateway(lines: &str) -> Gateway {
    let port = Upstream::get().await.postgres.address().port();
    gateway_at(lines, port).await
}

async fn gateway_at(lines: &str, port: u16) -> Gateway {
    let upstream = Upstream::get().await;
    let place = Place::new().await;
    upstream.authority.show(&place.folder().join("ca.pem"));
    Authority::new("a stranger").show(&place.folder().join("other.pem"));
    write(&place.folder().join("wrong"), "not-the-password");
    place.edit(|text| {
        let from = text.find("host = ").expect("the demo's upstream");
        let (before, rest) = text.split_at(from);
        let name = rest
            .lines()
            .find(|line| line.starts_with("name = "))
            .unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        let socket = upstream.postgres.socket_directory().display().to_string();
        let lines = lines.replace("{socket}", &socket);
        format!("{before}{name}\nport = {port}\n{lines}\n\n{after}")
    });
    Gateway::within(place).await
}

async fn knock(gateway: &Gateway) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = gateway.settings(Person::Dora).connect(NoTls).await?;
    tokio::spawn(async move { connection.await.ok() });
    Ok(client)
}

/// What PostgreSQL says of the connection: its role, and whether it is encrypted.
async fn connected(gateway: &Gateway) -> (String, bool) {
    let client = knock(gateway)
        .await
        .expect("the gateway reaches PostgreSQL");
    let text = "SELECT current_user::text, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = client.query_one(text, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

const SECRET: &str = "password-file = \"upstream-password\"";

#[tokio::test]
async fn tls_is_spoken_as_each_mode_demands() {
    for lines in [
        "host = \"localhost\"\ntls = \"verify-full\"\nca = \"ca.pem\"",
        "host = \"localhost\"\nca = \"ca.pem\"",
        "host = \"127.0.0.1\"\ntls = \"verify-ca\"\nca = \"ca.pem\"",
        "host = \"127.0.0.1\"\ntls = \"require\"",
    ] {
        let gateway = gateway(&format!("user = \"only_tls\"\n{SECRET}\n{lines}")).await;
        assert_eq!(
            connected(&gateway).await,
            ("only_tls".to_owned(), true),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_who_it_should_be_is_not_used() {
    for lines in [
        // The certificate is made out for localhost.
        "host = \"127.0.0.1\"\ntls = \"verify-full\"\nca = \"ca.pem\"",
        "host = \"localhost\"\ntls = \"verify-full\"\nca = \"other.pem\"",
        "host = \"localhost\"\ntls = \"verify-ca\"\nca = \"other.pem\"",
        // The server insists on TLS for this role.
        "host = \"localhost\"\ntls = \"disable\"",
    ] {
        let gateway = gateway(&format!("user = \"only_tls\"\n{SECRET}\n{lines}")).await;
        assert_eq!(sqlstate(knock(&gateway).await), "08001", "{lines}");
    }
}

#[tokio::test]
async fn an_upstream_without_tls_is_not_used_where_tls_is_demanded() {
    let bare = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = bare.local_addr().unwrap().port();
    tokio::spawn(async move {
        // It declines TLS, and whatever is said to it then is a secret given away.
        while let Ok((mut stream, _)) = bare.accept().await {
            let mut request = [0; 8];
            stream.read_exact(&mut request).await.ok();
            stream.write_all(b"N").await.ok();
            let mut more = Vec::new();
            stream.read_to_end(&mut more).await.ok();
            assert!(more.is_empty(), "{}", more.escape_ascii());
        }
    });
    let lines = format!("user = \"app\"\n{SECRET}\nhost = \"127.0.0.1\"\ntls = \"require\"");
    let gateway = gateway_at(&lines, port).await;
    assert_eq!(sqlstate(knock(&gateway).await), "08001");
}

#[tokio::test]
async fn passwords_are_given_as_they_are_asked_for() {
    for (role, tls) in [
        ("app", "disable"),
        ("by_md5", "disable"),
        ("in_clear", "require"),
        ("in_clear", "disable"),
        ("app", "require"),
    ] {
        let lines = format!("user = \"{role}\"\n{SECRET}\nhost = \"127.0.0.1\"\ntls = \"{tls}\"");
        let gateway = gateway(&lines).await;
        assert_eq!(
            connected(&gateway).await,
            (role.to_owned(), tls == "require")
        );
    }
    let lines = "user = \"trusted\"\nhost = \"127.0.0.1\"\ntls = \"disable\"";
    assert_eq!(
        connected(&gateway(lines).await).await,
        ("trusted".to_owned(), false)
    );
}

#[tokio::test]
async fn a_wrong_password_is_kept_between_the_gateway_and_postgresql() {
    for role in ["app", "by_md5", "in_clear"] {
        let lines = format!(
            "user = \"{role}\"\npassword-file = \"wrong\"\nhost = \"127.0.0.1\"\ntls = \"disable\""
        );
        let gateway = gateway(&lines).await;
        let error = knock(&gateway).await.expect_err("nobody is let in");
        let said = error.as_db_error().expect("an ERROR message");
        assert_eq!(said.code().code(), "08001", "{said:?}");
        assert!(!said.message().contains(role), "{said:?}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_enough() {
    let lines = format!("user = \"app\"\n{SECRET}\nsocket = \"{{socket}}\"");
    let gateway = gateway(&lines).await;
    let client = knock(&gateway).await.unwrap();
    let row = client
        .query_one("SELECT inet_server_addr() IS NULL", &[])
        .await
        .unwrap();
    assert!(row.get::<_, bool>(0));
}

#[tokio::test]
async fn clients_may_speak_tls_in_each_way_that_libpq_has() {
    let Some(python) = python().await else { return };
    let place = Place::new().await;
    let authority = Authority::new("ours");
    authority.vouch("localhost", place.folder());
    let file = |name| place.folder().join(name).display().to_string();
    let (known, stranger) = (file("ca.pem"), file("stranger.pem"));
    authority.show(Path::new(&known));
    Authority::new("a stranger").show(Path::new(&stranger));
    place.edit(|text| {
        let tls = "tls = { certificate = \"server.pem\", key = \"server.key\" }";
        text.replacen(
            "[listen]\n",
            &format!("[listen]\nplaintext-tokens = \"never\"\n{tls}\n"),
            1,
        )
    });
    let gateway = Gateway::within(place).await;
    assert_eq!(
        sqlstate(knock(&gateway).await),
        "28000",
        "a token must not go in the clear"
    );
    let script = repository().join("tests/clients/python/tls_client.py");
    let mut command = gateway.login(Person::Dora).command(
        python.to_str().expect("UTF-8"),
        &[script.to_str().expect("UTF-8")],
    );
    command.env("AUTHORITY", known).env("STRANGER", stranger);
    println!("{}", said(command).await.expect("libpq is content"));
}

/// A pooler of sorts: it passes no startup parameter on but who asks for what, or refuses the others.
async fn pooler(refuses: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let behind = server::postgres().await.address();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let length = client.read_u32().await.unwrap();
                let mut rest = vec![0; usize::try_from(length).unwrap() - 4];
                client.read_exact(&mut rest).await.unwrap();
                let words: Vec<&[u8]> = rest[4..].split(|byte| *byte == 0).collect();
                let pairs = words.chunks_exact(2);
                let known: [&[u8]; 3] = [b"user", b"database", b"client_encoding"];
                let hidden: &[u8] = b"enable_indexonlyscan";
                if refuses && pairs.clone().any(|pair| pair[0] == hidden) {
                    let said = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: enable_indexonlyscan\0\0";
                    client.write_u8(b'E').await.unwrap();
                    let length = u32::try_from(said.len() + 4).unwrap();
                    client.write_u32(length).await.unwrap();
                    return client.write_all(said).await.unwrap();
                }
                let passed = pairs.filter(|pair| known.contains(&pair[0]));
                let mut body = rest[..4].to_vec();
                body.extend(passed.flat_map(|pair| [pair[0], b"\0", pair[1], b"\0"].concat()));
                body.push(0);
                let mut server = TcpStream::connect(behind).await.unwrap();
                let length = u32::try_from(body.len() + 4).unwrap();
                server.write_u32(length).await.unwrap();
                server.write_all(&body).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            });
        }
    });
    address.port()
}

/// Found by an adversary: poolers refuse startup parameters that they do not know, or drop them.
#[tokio::test]
async fn behind_a_pooler_columns_are_protected_where_settings_are_in_force() {
    for refuses in [true, false] {
        let place = Place::new().await;
        let database = place.database().to_owned();
        let port = pooler(refuses).await;
        place.edit(|text| {
            let from = text.find("host = ").expect("the demo's upstream");
            let (before, rest) = text.split_at(from);
            let (_, rest) = rest.split_once('\n').expect("more lines");
            let (port_line, rest) = rest.split_once('\n').expect("more lines");
            assert!(port_line.starts_with("port = "), "{port_line}");
            format!("{before}host = \"127.0.0.1\"\nport = {port}\n{rest}")
        });
        let gateway = Gateway::within(place).await;
        assert!(
            knock(&gateway).await.is_ok(),
            "nothing is protected for Dora"
        );
        let refused = gateway.settings(Person::Alice).connect(NoTls).await;
        let error = refused.err().expect("columns are protected for Alice");
        let said = error.as_db_error().expect("the gateway says why");
        assert!(said.message().contains("enable_indexonlyscan"), "{said}");
        assert!(
            said.hint().is_some_and(|hint| hint.contains("pooler")),
            "{said}"
        );
        let text = format!("ALTER DATABASE \"{database}\" SET enable_indexonlyscan = off");
        let set = server::postgres()
            .await
            .run(Role::Superuser, &database, &text);
        set.await.expect("the server takes it");
        let let_in = gateway.settings(Person::Alice).connect(NoTls).await;
        assert_eq!(let_in.is_ok(), !refuses, "the setting is in force");
    }
}

/// Found by an adversary: in other encodings PostgreSQL cuts and folds names otherwise, and two that
/// are one to the gateway are two to it.
#[tokio::test]
async fn nothing_is_protected_in_databases_of_other_encodings() {
    let place = Place::new().await;
    let name = format!("{}_latin", place.database());
    let made = format!(
        "CREATE DATABASE {name} OWNER \"{}\" TEMPLATE template0 ENCODING 'LATIN1' \
         LC_COLLATE 'C' LC_CTYPE 'C'",
        Role::Application.name()
    );
    let made = server::postgres()
        .await
        .run(Role::Superuser, "postgres", &made);
    made.await.expect("nobody has this name");
    let table = "CREATE TABLE customers (id int, email text)";
    let made = server::postgres()
        .await
        .run(Role::Application, &name, table);
    made.await.expect("a table");
    let here = format!("name = \"{}\"", place.database());
    place.edit(|text| text.replace(&here, &format!("name = \"{name}\"")));
    let gateway = Gateway::within(place).await;
    let refused = gateway.settings(Person::Alice).connect(NoTls).await;
    let error = refused.err().expect("columns are protected for Alice");
    let said = error.as_db_error().expect("the gateway says why");
    assert!(said.message().contains("UTF8"), "{said}");
}
