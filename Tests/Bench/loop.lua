local sum = 0
for i = 1, 10000000 do
  if i % 3 == 0 then sum = sum + i else sum = sum - 1 end
end
print(sum)
