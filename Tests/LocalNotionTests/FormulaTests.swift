import Testing

@testable import LocalNotion

@Suite struct FormulaTests {
  @Test(arguments: [
    ("1 + 2 * 3 ^ 2", "19"), ("(1 + 2) * 3", "9"), ("7 % 4", "3"), ("-2 + 5", "3"),
    ("\"a\" + 1", "a1"), ("concat(\"a\", \"b\", 3)", "ab3"), ("if(1 > 2, \"x\", \"y\")", "y"),
    ("ifs(false, 1, true, 2, 3)", "2"), ("1 < 2 and not (3 == 4)", "true"),
    ("true ? \"yes\" : \"no\"", "yes"), ("\"Hello\".lower().length()", "5"),
    ("substring(\"Hello\", 1, 3)", "el"), ("contains(\"Hello\", \"ell\")", "true"),
    ("replaceAll(\"a1b22\", \"[0-9]+\", \"#\")", "a#b#"),
    ("replace(\"John Doe\", \"(\\\\w+) (\\\\w+)\", \"$2 $1\")", "Doe John"),
    ("test(\"abc\", \"^a\")", "true"), ("padStart(\"7\", 3, \"0\")", "007"),
    ("round(2.5)", "3"), ("round(-2.5)", "-2"), ("round(3.14159, 2)", "3.14"),
    ("median(1, 9, 3)", "3"), ("mean(1, 2, 6)", "3"), ("max(1, 5, 2)", "5"), ("cbrt(27)", "3"),
    ("toNumber(\"12\") + 1", "13"), ("empty(\"\")", "true"), ("log10(1000)", "3"),
    ("year(parseDate(\"2026-07-04\"))", "2026"), ("day(parseDate(\"2026-07-04\"))", "6"),
    ("dateAdd(parseDate(\"2026-01-31\"), 1, \"months\")", "2026-02-28"),
    ("dateSubtract(parseDate(\"2026-03-01\"), 1, \"days\")", "2026-02-28"),
    ("dateBetween(parseDate(\"2026-07-04\"), parseDate(\"2026-06-01\"), \"days\")", "33"),
    ("dateBetween(parseDate(\"2026-07-04\"), parseDate(\"2024-07-05\"), \"years\")", "1"),
    (
      "formatDate(parseDate(\"2026-07-04T15:06:00Z\"), \"dddd, MMMM D, YYYY h:mm A\")",
      "Saturday, July 4, 2026 3:06 PM"
    ),
    ("formatDate(today(), \"YYYY-MM-DD\")", "2026-01-01"),
    ("timestamp(now())", "1767225600000"), ("fromTimestamp(0)", "1970-01-01T00:00:00.000+00:00"),
    ("add(1, 2) + subtract(5, 3) + multiply(2, 4) + divide(9, 3)", "16"), ("pow(2, 10)", "1024"),
    ("mod(7, 4) + abs(-3) + sign(-9)", "5"), ("floor(2.7) + ceil(2.1)", "5"), ("sqrt(49)", "7"),
    ("round(exp(1), 3)", "2.718"), ("ln(1) + log2(8)", "3"), ("min(4, 2, 8) + sum(1, 2)", "5"),
    ("unequal(1, 2)", "true"), ("equal(\"a\", \"a\")", "true"), ("or(false, true)", "true"),
    ("and(true, false)", "false"), ("not(true)", "false"), ("format(12) + \"!\"", "12!"),
    ("upper(\"abc\") + trim(\"  x \")", "ABCx"), ("repeat(\"ab\", 3)", "ababab"),
    ("padEnd(\"7\", 3, \"0\")", "700"), ("month(parseDate(\"2026-07-04\"))", "7"),
    ("date(parseDate(\"2026-07-04\"))", "4"), ("week(parseDate(\"2026-01-08\"))", "2"),
    (
      "hour(parseDate(\"2026-07-04T15:06:00Z\")) * 100 + minute(parseDate(\"2026-07-04T15:06:00Z\"))",
      "1506"
    ),
  ])
  func computes(_ expression: String, _ wanted: String) throws {
    let formula = try Formula(parsing: expression)
    let value = try formula.value(now: 1_767_225_600) { _ in .nothing }
    #expect(value.text == wanted)
  }

  @Test(arguments: [
    "1 +", "nothing(1)", "\"open", "prop", "(1", "1 2", "lets(a, 1, a)", "{{notion", "if(",
    String(repeating: "(", count: 5000),
  ])
  func refuses(_ expression: String) {
    #expect(throws: (any Error).self) { try Formula(parsing: expression) }
  }
}
