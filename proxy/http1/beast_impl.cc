// Beast, compiled once for the whole program (cmake/Dependencies.cmake sets BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>
