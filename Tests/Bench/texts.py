def main():
    size = 0
    for i in range(1, 100_001):
        text = f"row {i} of {100_000}: {i * 2} points"
        size = size + len(text)
    print(size)
main()
