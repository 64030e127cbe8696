# Varnish in front of two web nodes, with HTTP/1.1 (docs/DEPLOYMENT.md).
# A whole /etc/varnish/default.vcl.
vcl 4.1;

import directors;

probe readyz {
    .url = "/readyz";
    .interval = 2s;
    .timeout = 1s;
    .window = 2;
    .threshold = 1;
    .initial = 1;
}

backend webnode_a { .host = "10.0.0.11"; .port = "8000"; .connect_timeout = 2s; .probe = readyz; }
backend webnode_b { .host = "10.0.0.12"; .port = "8000"; .connect_timeout = 2s; .probe = readyz; }
backend api_a { .host = "10.0.0.11"; .port = "8008"; .connect_timeout = 2s; .probe = readyz; }
backend api_b { .host = "10.0.0.12"; .port = "8008"; .connect_timeout = 2s; .probe = readyz; }

sub vcl_init {
    new webnodes = directors.round_robin();
    webnodes.add_backend(webnode_a);
    webnodes.add_backend(webnode_b);
    new apis = directors.round_robin();
    apis.add_backend(api_a);
    apis.add_backend(api_b);
}

sub vcl_recv {
    # The address for backends, which browsers cannot reach: varnishd -a api=10.0.0.1:8008
    if (local.socket == "api") {
        set req.backend_hint = apis.backend();
    } else {
        set req.backend_hint = webnodes.backend();
    }
    # Nothing here is for the cache.
    return (pass);
}

sub vcl_backend_response {
    # Varnish's default: what comes is passed on at once.
    set beresp.do_stream = true;
    # A web node that takes no streams answers 503: another one is asked.
    if (beresp.status == 503 && bereq.method == "GET" && bereq.retries < 1) {
        return (retry);
    }
}

sub vcl_backend_error {
    # A web node that does not take the connection.
    if (bereq.method == "GET" && bereq.retries < 1) {
        return (retry);
    }
}
