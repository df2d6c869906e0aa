// Asio, compiled once for the whole program (cmake/Dependencies.cmake sets BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
