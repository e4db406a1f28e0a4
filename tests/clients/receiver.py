"""Answers every POST with 200."""
import http.server


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print('{"listening":"http://127.0.0.1:%d"}' % server.server_port, flush=True)
server.serve_forever()
