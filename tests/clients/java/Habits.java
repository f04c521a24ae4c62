// pgjdbc, as its users use it; prints what must be the same with PostgreSQL and the gateway.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Habits {
    public static void main(String[] arguments) throws Exception {
        for (String mode : new String[] {"extended", "simple", "extendedForPrepared", "extendedCacheEverything"}) {
            System.out.println("mode " + mode);
            try (Connection connection = connect(mode)) {
                queries(connection);
                batches(connection);
                transactions(connection);
                cursors(connection);
            }
        }
        try (Connection connection = connect("extended")) {
            metadata(connection.getMetaData());
            copies(connection);
            notifications(connection);
            cancel(connection);
        }
    }

    static Connection connect(String mode) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        properties.setProperty("preferQueryMode", mode);
        properties.setProperty("prepareThreshold", "3");
        properties.setProperty("reWriteBatchedInserts", "true");
        properties.setProperty("ApplicationName", "habits");
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
            + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, properties);
    }

    static void show(ResultSet rows) throws SQLException {
        ResultSetMetaData shape = rows.getMetaData();
        StringBuilder line = new StringBuilder();
        for (int i = 1; i <= shape.getColumnCount(); i++) {
            line.append(shape.getColumnName(i)).append(':').append(shape.getColumnTypeName(i)).append(' ');
        }
        System.out.println(line);
        while (rows.next()) {
            line.setLength(0);
            for (int i = 1; i <= shape.getColumnCount(); i++) {
                line.append(rows.getString(i)).append('|');
            }
            System.out.println(line);
        }
        rows.close();
    }

    static void show(SQLException error) {
        for (SQLException one = error; one != null; one = one.getNextException()) {
            System.out.println(one.getSQLState() + " " + one.getMessage());
        }
    }

    static void queries(Connection connection) throws SQLException {
        // From the third time on it is a named statement, and its results come in binary.
        try (PreparedStatement one = connection.prepareStatement(
                "SELECT id, name, feels, home, share, tags, at, uid, encode(raw, 'hex') FROM things WHERE id = ?")) {
            for (int id = 1; id < 8; id++) {
                one.setLong(1, id);
                show(one.executeQuery());
            }
            System.out.println(one.getParameterMetaData().getParameterTypeName(1));
        }
        try (Statement several = connection.createStatement()) {
            boolean isRows = several.execute("SELECT 1 AS a; UPDATE things SET share = 2 WHERE id = 2; SELECT 2 AS b");
            while (isRows || several.getUpdateCount() != -1) {
                if (isRows) {
                    show(several.getResultSet());
                } else {
                    System.out.println(several.getUpdateCount());
                }
                isRows = several.getMoreResults();
            }
            System.out.println(several.getWarnings());
        }
        for (String text : new String[] {"SELECT frm", "SELECT 1 / 0", "INSERT INTO things (name) VALUES ('thing 1')"}) {
            try (Statement wrong = connection.createStatement()) {
                wrong.execute(text);
            } catch (SQLException error) {
                show(error);
            }
        }
        try (Statement generated = connection.createStatement()) {
            connection.setAutoCommit(false);
            generated.executeUpdate("INSERT INTO things (name) VALUES ('new')", new String[] {"name", "feels"});
            show(generated.getGeneratedKeys());
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    static void batches(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement batch = connection.prepareStatement("INSERT INTO things (name) VALUES (?)")) {
            for (int i = 0; i < 700; i++) {
                batch.setString(1, "batch " + i);
                batch.addBatch();
            }
            System.out.println(batch.executeBatch().length);
            batch.setString(1, "twice");
            batch.addBatch();
            batch.setString(1, "twice");
            batch.addBatch();
            batch.executeBatch();
        } catch (SQLException error) {
            show(error);
        }
        connection.rollback();
        connection.setAutoCommit(true);
    }

    static void transactions(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        try (Statement statement = connection.createStatement()) {
            Savepoint here = connection.setSavepoint("here");
            statement.executeUpdate("DELETE FROM events");
            connection.rollback(here);
            show(statement.executeQuery("SELECT count(*) FROM events"));
            connection.releaseSavepoint(here);
            try {
                statement.execute("SELECT 1 / 0");
            } catch (SQLException error) {
                show(error);
            }
            try {
                statement.execute("SELECT 1");
            } catch (SQLException error) {
                show(error);
            }
        }
        connection.rollback();
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        connection.setReadOnly(true);
        try (Statement statement = connection.createStatement()) {
            statement.execute("DELETE FROM events");
        } catch (SQLException error) {
            show(error);
        }
        connection.rollback();
        connection.setReadOnly(false);
        connection.setAutoCommit(true);
        System.out.println(connection.isValid(5));
    }

    static void cursors(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement many = connection.prepareStatement("SELECT n FROM generate_series(1, ?) n")) {
            many.setFetchSize(100);
            for (int round = 0; round < 5; round++) {
                many.setInt(1, 1000 + round);
                long sum = 0;
                try (ResultSet rows = many.executeQuery(); Statement between = connection.createStatement()) {
                    while (rows.next()) {
                        sum += rows.getLong(1);
                        if (sum == 5050) {
                            show(between.executeQuery("SELECT 'between'"));
                        }
                    }
                }
                System.out.println(sum);
            }
            many.setMaxRows(150);
            many.setInt(1, 1000);
            show(many.executeQuery());
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void metadata(DatabaseMetaData about) throws SQLException {
        System.out.println(about.getDatabaseProductVersion() + " " + about.getMaxColumnNameLength());
        show(about.getTables(null, null, "%", new String[] {"TABLE", "VIEW", "PARTITIONED TABLE", "MATERIALIZED VIEW"}));
        show(about.getColumns(null, null, "thing%", "%"));
        show(about.getColumns(null, "odd Schema", "%", "%"));
        show(about.getPrimaryKeys(null, null, "things"));
        show(about.getImportedKeys(null, "odd Schema", "Parts"));
        show(about.getExportedKeys(null, null, "things"));
        show(about.getIndexInfo(null, null, "things", false, true));
        show(about.getFunctions(null, null, "twice"));
        show(about.getFunctionColumns(null, null, "twice", "%"));
        show(about.getProcedures(null, "public", "%"));
        show(about.getSchemas());
        show(about.getUDTs(null, "public", "%", null));
        show(about.getTypeInfo());
        show(about.getTablePrivileges(null, null, "things"));
        show(about.getColumnPrivileges(null, null, "things", "name"));
        show(about.getBestRowIdentifier(null, null, "things", DatabaseMetaData.bestRowSession, false));
        System.out.println(about.getSQLKeywords());
    }

    static void copies(Connection connection) throws Exception {
        var copies = connection.unwrap(PGConnection.class).getCopyAPI();
        System.out.println(copies.copyIn("COPY events (at, what) FROM STDIN", new StringReader("2026-09-09\tjdbc\n")));
        StringWriter out = new StringWriter();
        System.out.println(copies.copyOut("COPY (SELECT at, what FROM events ORDER BY 1, 2) TO STDOUT", out));
        System.out.println(out);
        try {
            copies.copyIn("COPY events FROM STDIN", new StringReader("never\n"));
        } catch (SQLException error) {
            show(error);
        }
        var half = copies.copyIn("COPY events (at, what) FROM STDIN");
        half.cancelCopy();
        System.out.println(half.isActive());
    }

    static void notifications(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement(); Connection other = connect("extended")) {
            statement.execute("LISTEN news");
            other.createStatement().execute("NOTIFY news, 'hello'");
            PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(20000);
            System.out.println(heard[0].getName() + " " + heard[0].getParameter());
        }
    }

    static void cancel(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute("SELECT pg_sleep(30)");
        } catch (SQLException error) {
            show(error);
        }
        System.out.println(connection.isValid(5));
    }
}
