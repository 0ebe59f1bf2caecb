def main():
    total = 0
    for i in range(1, 10_000_001):
        if i % 3 == 0:
            total = total + i
        else:
            total = total - 1
    print(total)
main()
