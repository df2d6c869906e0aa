#include "core/sql.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <utility>

namespace countersign::sql {

class Connection {
 public:
  explicit Connection(sqlite3* opened) : handle(opened) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    for (auto& [sql, statement] : idle) sqlite3_finalize(statement);
    sqlite3_close_v2(handle);
  }

  sqlite3* handle;
  std::map<std::string, sqlite3_stmt*, std::less<>> idle;
};

namespace {

constexpr std::size_t kIdleStatements = 64;

struct Meaning {
  ErrorKind kind;
  std::string_view code;
};

Meaning meaning_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorKind::unavailable, "store.busy"};
    case SQLITE_FULL:
      return {ErrorKind::unavailable, "store.full"};
    case SQLITE_IOERR:
      return {ErrorKind::unavailable, "store.io"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {ErrorKind::unavailable, "store.read_only"};
    case SQLITE_CANTOPEN:
      return {ErrorKind::unavailable, "store.cannot_open"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorKind::internal, "store.corrupt"};
    case SQLITE_CONSTRAINT:
      return {ErrorKind::conflict, "store.constraint"};
    case SQLITE_TOOBIG:
      return {ErrorKind::too_large, "store.too_large"};
    default:
      return {ErrorKind::internal, "store.error"};
  }
}

std::unexpected<Error> store_error(int code, std::string_view detail) {
  Meaning meaning = meaning_of(code);
  return fail(meaning.kind, meaning.code, "the store answered: " + std::string(detail));
}

std::unexpected<Error> last_error(sqlite3* handle) {
  return store_error(sqlite3_extended_errcode(handle), sqlite3_errmsg(handle));
}

Status execute_script(sqlite3* handle, std::string_view script) {
  std::string text(script);
  if (sqlite3_exec(handle, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return last_error(handle);
  return {};
}

// SQLite would create the file with the process's umask; it holds requests of other people. The entry in the folder is
// made durable here, because SQLite syncs the folder for its log only.
Status create_private(const std::filesystem::path& file) {
  int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return {};
  if (fd < 0) return store_error(SQLITE_CANTOPEN, "cannot create " + file.string());
  ::close(fd);
  std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = folder_fd >= 0 && ::fsync(folder_fd) == 0;
  if (folder_fd >= 0) ::close(folder_fd);
  if (!synced) return store_error(SQLITE_IOERR, "cannot sync " + folder.string());
  return {};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      sql_(std::move(other.sql_)),
      handle_(std::exchange(other.handle_, nullptr)),
      bound_(other.bound_),
      bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  connection_ = other.connection_;
  sql_ = std::move(other.sql_);
  handle_ = std::exchange(other.handle_, nullptr);
  bound_ = other.bound_;
  bind_error_ = other.bind_error_;
  return *this;
}

Statement::~Statement() {
  give_back();
}

void Statement::give_back() {
  if (handle_ == nullptr) return;
  reset();
  sqlite3_stmt* handle = std::exchange(handle_, nullptr);
  bool kept =
      connection_->idle.size() < kIdleStatements && connection_->idle.try_emplace(std::move(sql_), handle).second;
  if (!kept) sqlite3_finalize(handle);
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  bound_ = 0;
  bind_error_ = 0;
}

void Statement::note(int code) {
  if (code != SQLITE_OK && bind_error_ == 0) bind_error_ = code;
}

void Statement::bind_integer(std::int64_t value) {
  note(sqlite3_bind_int64(handle_, ++bound_, value));
}

// A null pointer would bind NULL, so an empty view gets an address of its own.
void Statement::bind_next(std::string_view value) {
  const char* data = value.empty() ? "" : value.data();
  note(sqlite3_bind_text64(handle_, ++bound_, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind_next(Blob value) {
  const char* data = value.bytes.empty() ? "" : value.bytes.data();
  note(sqlite3_bind_blob64(handle_, ++bound_, data, value.bytes.size(), SQLITE_TRANSIENT));
}

void Statement::bind_next(std::nullopt_t) {
  note(sqlite3_bind_null(handle_, ++bound_));
}

Result<Step> Statement::step() {
  if (bind_error_ != 0) return store_error(bind_error_, sqlite3_errstr(bind_error_));
  int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return Step::row;
  if (code == SQLITE_DONE) return Step::done;
  return last_error(connection_->handle);
}

Status Statement::run() {
  for (;;) {
    Result<Step> stepped = step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Step::done) return {};
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(handle_, column);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::filesystem::path& file, const Options& options) {
  if (Status created = create_private(file); !created) return fail(created.error());
  sqlite3* handle = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  int code = sqlite3_open_v2(file.c_str(), &handle, kFlags, nullptr);
  auto connection = std::make_unique<Connection>(handle);
  if (code != SQLITE_OK) return store_error(code, sqlite3_errstr(code));

  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout));
  std::string pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;";
  if (options.max_pages > 0) pragmas += "PRAGMA max_page_count=" + std::to_string(options.max_pages) + ";";
  if (Status set = execute_script(handle, pragmas); !set) return fail(set.error());
  return Database(std::move(connection));
}

Result<Statement> Database::prepare(std::string_view sql) {
  if (auto found = connection_->idle.find(sql); found != connection_->idle.end()) {
    sqlite3_stmt* handle = found->second;
    connection_->idle.erase(found);
    return Statement(connection_.get(), sql, handle);
  }
  sqlite3_stmt* handle = nullptr;
  const char* rest = nullptr;
  int code = sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()),
                                SQLITE_PREPARE_PERSISTENT, &handle, &rest);
  if (code != SQLITE_OK) return last_error(connection_->handle);
  if (handle == nullptr || rest != sql.data() + sql.size()) {
    sqlite3_finalize(handle);
    return store_error(SQLITE_MISUSE, "prepare takes exactly one statement");
  }
  return Statement(connection_.get(), sql, handle);
}

Status Database::execute(std::string_view script) {
  return execute_script(connection_->handle, script);
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_->handle);
}

Result<Transaction> Transaction::begin(Database& database) {
  Connection* connection = database.connection_.get();
  if (Status begun = execute_script(connection->handle, "BEGIN IMMEDIATE"); !begun) return fail(begun.error());
  return Transaction(connection);
}

Transaction::Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

// Some errors (a full disk) have already ended the transaction inside SQLite; a second ROLLBACK would only be an error.
Transaction::~Transaction() {
  if (connection_ == nullptr || sqlite3_get_autocommit(connection_->handle) != 0) return;
  sqlite3_exec(connection_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
}

// An error earlier on may have rolled everything back; COMMIT then fails ("no transaction is active") instead of
// passing an empty transaction off as done.
Status Transaction::commit() {
  return execute_script(connection_->handle, "COMMIT");
}

Status apply_schema(Database& database, std::string_view component, std::span<const std::string_view> steps) {
  Result<Transaction> transaction = Transaction::begin(database);
  if (!transaction) return fail(transaction.error());
  Status table = database.execute(
      "CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT");
  if (!table) return table;

  Result<Statement> read = database.prepare("SELECT version FROM schema_versions WHERE component = ?");
  if (!read) return fail(read.error());
  Result<Step> found = read->bind(component).step();
  if (!found) return fail(found.error());
  std::int64_t known = *found == Step::row ? read->integer(0) : 0;
  read->reset();
  if (known > std::ssize(steps)) {
    return fail(ErrorKind::unavailable, "store.newer",
                "the store was written by a newer version of this program (" + std::string(component) + ")");
  }
  for (std::string_view step : steps.subspan(static_cast<std::size_t>(known))) {
    if (Status applied = database.execute(step); !applied) return applied;
  }
  Result<Statement> write = database.prepare("INSERT OR REPLACE INTO schema_versions VALUES (?, ?)");
  if (!write) return fail(write.error());
  if (Status written = write->bind(component, std::ssize(steps)).run(); !written) return written;
  return transaction->commit();
}

}  // namespace countersign::sql
