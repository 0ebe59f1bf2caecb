local size = 0
for i = 1, 100000 do
  local text = "row " .. i .. " of " .. 100000 .. ": " .. (i * 2) .. " points"
  size = size + utf8.len(text)
end
print(size)
