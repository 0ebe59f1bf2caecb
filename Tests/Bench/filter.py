def main():
    data = [{"id": i, "name": f"row {i}", "score": i % 100} for i in range(1, 100_001)]
    best = [{"name": r["name"], "double": r["score"] * 2} for r in data if r["score"] >= 50]
    print(len(best))
main()
