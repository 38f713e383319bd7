import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** What the clients share: each step's result is one line of JSON. */
final class Steps {
  interface Step {
    Object run() throws Exception;
  }

  record None(String reason) {}

  static void run(String step, Step what) {
    try {
      Object result = what.run();
      if (result instanceof None none) System.out.println(json(Map.of("step", step, "none", none.reason())));
      else System.out.println("{\"step\":" + json(step) + ",\"result\":" + json(result) + "}");
    } catch (Exception | AssertionError error) {
      System.out.println(json(Map.of("step", step, "error", error + " " + List.of(error.getStackTrace()).subList(0, 3))));
    }
  }

  static void greet(String client, String version) {
    System.out.println("{\"client\":" + json(client) + ",\"version\":" + json(version) + "}");
  }

  static String json(Object value) {
    if (value == null) return "null";
    if (value instanceof Boolean || value instanceof Integer || value instanceof Long) return value.toString();
    if (value instanceof Map<?, ?> map) {
      List<String> parts = new ArrayList<>();
      for (var entry : map.entrySet()) parts.add(json(entry.getKey()) + ":" + json(entry.getValue()));
      return "{" + String.join(",", parts) + "}";
    }
    if (value instanceof Iterable<?> list) {
      List<String> parts = new ArrayList<>();
      for (Object part : list) parts.add(json(part));
      return "[" + String.join(",", parts) + "]";
    }
    if (value instanceof byte[] bytes) return json("bytes:" + java.util.HexFormat.of().formatHex(bytes));
    StringBuilder text = new StringBuilder("\"");
    for (char c : value.toString().toCharArray()) {
      if (c == '"' || c == '\\') text.append('\\').append(c);
      else if (c < ' ' || c > '~') text.append(String.format("\\u%04x", (int) c));
      else text.append(c);
    }
    return text.append('"').toString();
  }

  interface Act {
    void run() throws Exception;
  }

  /** SQLSTATE that it fails with, however it is wrapped; "none" where it does not fail. */
  static String sqlstate(Act act) throws Exception {
    try {
      act.run();
      return "none";
    } catch (Exception error) {
      return cause(error).getSQLState();
    }
  }

  static SQLException cause(Exception error) throws Exception {
    for (Throwable at = error; at != null; at = at.getCause()) if (at instanceof SQLException found) return found;
    throw error;
  }

  static Map<String, Object> told(Exception error) throws Exception {
    ServerErrorMessage message = ((PSQLException) cause(error)).getServerErrorMessage();
    return new java.util.TreeMap<>(
        java.util.Arrays.asList("sqlstate", "message", "hint").stream()
            .collect(java.util.stream.Collectors.toMap(name -> name, name -> switch (name) {
              case "sqlstate" -> message.getSQLState();
              case "message" -> message.getMessage();
              default -> String.valueOf(message.getHint());
            })));
  }
}
