use super::{Options, Postgres, Role};

#[tokio::test]
async fn a_server_answers_and_leaves_nothing_behind() {
    let postgres = Postgres::start(Options::default()).await.unwrap();
    let directory = postgres.socket_directory().to_owned();
    let process = format!("/proc/{}", postgres.process_id().unwrap());
    postgres.create_database("shop", None).await.unwrap();
    let client = postgres.connect(Role::Application, "shop").await.unwrap();
    let row = client
        .query_one("SELECT current_user::text", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, String>(0), "app");
    drop(postgres);
    assert!(!directory.exists());
    assert!(!std::path::Path::new(&process).exists());
}

#[tokio::test]
async fn what_the_server_says_is_passed_on_when_it_does_not_start() {
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = Postgres::start(Options {
        settings,
        binaries: None,
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}
