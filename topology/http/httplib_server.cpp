#include "topology/http/httplib_server.hpp"

#include <string>

namespace zcomet::http {

void HttplibServer::answer_from(httplib::Stream& stream) {
    bool closed = false;
#ifdef ZCOMET_HTTPLIB_TAKES_ADDRESSES
    std::string host;
    std::string own_host;
    int port = -1;
    int own_port = -1;
    stream.get_remote_ip_and_port(host, port);
    stream.get_local_ip_and_port(own_host, own_port);
    process_request(stream, host, port, own_host, own_port, false, closed, nullptr);
#else
    process_request(stream, false, closed, nullptr);
#endif
}

} // namespace zcomet::http
