def main():
    data = [{"id": i, "score": i % 100, "grade": "", "seen": 0} for i in range(1, 100_001)]
    high = 0
    done = []
    for row in data:
        r = dict(row)
        if r["score"] >= 80:
            r["grade"] = "high"
        elif r["score"] >= 40:
            r["grade"] = "middle"
        else:
            r["grade"] = "low"
        r["seen"] = r["seen"] + 1
        if r["grade"] == "high" and r["id"] % 2 == 0:
            high = high + r["seen"]
        done.append(r)
    print(high, len(done))
main()
