//! The server that the relay is compared with: an actix handler that reads the body and answers
//! 200.

use actix_web::{App, HttpResponse, HttpServer, web};
use std::net::TcpListener;

/// Serves until the process is ended. Prints its address as the first line on stdout.
pub async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let answer = |body: web::Bytes| async move {
        std::hint::black_box(body.len());
        HttpResponse::Ok()
            .content_type("application/json")
            .body(r#"{"status":"accepted","id":"000000000000000000000000"}"#)
    };
    let app = move || {
        let limit = web::PayloadConfig::new(1 << 20);
        App::new().app_data(limit).route("/webhooks/{source}", web::post().to(answer))
    };
    HttpServer::new(app).listen(listener)?.run().await
}
